//! Servers that spread a table over machines by its shard (Citus distributes by it, `YugabyteDB` hashes it) take every statement:
//! each names the shard of every table that it touches.

use crate::place::url;
use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, Select, Statement, TableFactor, TableObject, TableWithJoins, Visit,
    Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use statewright_postgres::Options;
use std::ops::ControlFlow;

const TABLES: [&str; 3] = ["records", "shards", "cells"];

#[test]
fn every_statement_names_the_shard_of_every_table() {
    let mut touched = 0;
    for (name, sql) in Options::from_url(url()).expect("it parses").statements() {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, &sql);
        let parsed = parsed.unwrap_or_else(|error| panic!("`{name}`: {error}"));
        let mut check = Check::default();
        let _ = parsed.visit(&mut check);
        assert!(check.wrong.is_empty(), "`{name}`: {:?}", check.wrong);
        let mentions: usize = TABLES.iter().map(|table| sql.matches(&format!(".{table}")).count()).sum();
        assert_eq!(check.touched, mentions, "`{name}`: every table is looked at");
        touched += check.touched;
    }
    assert!(touched > 25, "{touched}");
}

#[test]
fn one_that_does_not_is_found() {
    for sql in [
        "SELECT name FROM statewright.cells WHERE name = $1",
        "SELECT 1 FROM statewright.records r, statewright.shards s WHERE r.shard = $1",
        "SELECT 1 FROM statewright.records r WHERE r.shard = $1 OR r.revision = $2",
        "DELETE FROM statewright.cells WHERE name = $1",
        "UPDATE statewright.shards SET position = 0",
        "INSERT INTO statewright.cells (name) VALUES ($1)",
    ] {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("it is SQL");
        let mut check = Check::default();
        let _ = parsed.visit(&mut check);
        assert_eq!(check.wrong.len(), 1, "{sql}");
    }
}

#[derive(Default)]
struct Check {
    /// Tables that were looked at.
    touched: usize,
    /// Those whose shard is not said.
    wrong: Vec<String>,
}

impl Visitor for Check {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.check(&select.from, select.selection.as_ref());
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Update(update) => {
                self.check(std::slice::from_ref(&update.table), update.selection.as_ref());
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                self.check(from, delete.selection.as_ref());
            }
            Statement::Insert(insert) => {
                let names = insert.columns.iter().any(|column| column.to_string() == "shard");
                self.found(
                    names && matches!(insert.table, TableObject::TableName(_)),
                    &insert.table.to_string(),
                );
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Check {
    fn check(&mut self, from: &[TableWithJoins], selection: Option<&Expr>) {
        let factors: Vec<_> = from
            .iter()
            .flat_map(|from| {
                std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
            })
            .collect();
        let mut said = Vec::new();
        conditions(selection, &mut said);
        for factor in &factors {
            let TableFactor::Table { name, alias, .. } = factor else { continue };
            let table = name.to_string();
            let Some((_, table)) = table.rsplit_once('.') else { continue };
            if !TABLES.contains(&table) {
                continue;
            }
            let alias = alias.as_ref().map_or(table, |alias| &alias.name.value);
            let own = format!("{alias}.shard = ");
            let names = said
                .iter()
                .any(|said| said.starts_with(&own) || (factors.len() == 1 && said.starts_with("shard = ")));
            self.found(names, table);
        }
    }

    fn found(&mut self, names: bool, table: &str) {
        self.touched += 1;
        self.wrong.extend((!names).then(|| table.to_owned()));
    }
}

/// What has to hold all together.
fn conditions(selection: Option<&Expr>, said: &mut Vec<String>) {
    match selection {
        Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
            conditions(Some(left), said);
            conditions(Some(right), said);
        }
        Some(equal @ (Expr::BinaryOp { op: BinaryOperator::Eq, .. } | Expr::AnyOp { .. })) => {
            said.push(equal.to_string());
        }
        _ => {}
    }
}
