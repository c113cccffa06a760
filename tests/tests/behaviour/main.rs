//! Behaviour of the whole, one module for each concern.

mod batch;
mod commands;
mod crash;
mod diff;
mod effects;
mod evolution;
mod faults;
mod fragile;
mod graceful;
mod guarded;
mod health;
mod history;
mod hosts;
mod limiter;
mod limits;
mod lock;
mod observe;
mod operator;
mod paths;
mod projections;
mod quarantine;
mod queues;
mod recorded;
mod releases;
mod replay_check;
mod restored;
mod rolling;
mod scripts;
mod shadow;
mod subscriptions;
mod tenants;
mod time;
mod timers;
mod upcast;

use recorded::recorded;
