//! Every case of `docs/evolution.md` on a machine of a few words, and what holds of any two machines.

mod cases;
mod random;
mod written;
