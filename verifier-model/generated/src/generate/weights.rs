// SPDX-License-Identifier: GPL-2.0-only
//! How often what is generated.

use crate::ast::ProgKind;

/// How often each kind of statement is made, in proportion to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are statements by name")]
pub struct Weights {
    pub set: u32,
    pub random: u32,
    pub alu: u32,
    pub branch: u32,
    pub count: u32,
    pub may_goto: u32,
    pub iterate: u32,
    pub repeat: u32,
    pub call: u32,
    pub call_global: u32,
    pub access: u32,
    pub atomic: u32,
    pub rcu: u32,
    pub hold: u32,
    pub renew: u32,
    pub look_up: u32,
    pub leave: u32,
    pub throw: u32,
    pub tail_call: u32,
    pub trap: u32,
    /// Most statements of a program.
    pub size: u32,
    /// Programs in a hundred that keep a state at every chance.
    pub checkpoints: u32,
    /// Values are in the registers and two cells alone, those that a function shares with who calls
    /// it: so more often two statements are about the same one.
    pub few_places: bool,
    /// All programs are of this kind.
    pub kind: Option<ProgKind>,
}

impl Weights {
    /// No statement at all.
    pub const NONE: Self = Self {
        set: 0,
        random: 0,
        alu: 0,
        branch: 0,
        count: 0,
        may_goto: 0,
        iterate: 0,
        repeat: 0,
        call: 0,
        call_global: 0,
        access: 0,
        atomic: 0,
        rcu: 0,
        hold: 0,
        renew: 0,
        look_up: 0,
        leave: 0,
        throw: 0,
        tail_call: 0,
        trap: 0,
        size: 0,
        checkpoints: 0,
        few_places: false,
        kind: None,
    };

    /// What a user without capabilities may hope to load, and now and then a loop.
    pub const UNPRIVILEGED: Self = Self {
        set: 24,
        random: 10,
        alu: 20,
        branch: 20,
        count: 1,
        access: 20,
        atomic: 3,
        look_up: 8,
        leave: 5,
        tail_call: 1,
        trap: 2,
        size: 24,
        kind: Some(ProgKind::SocketFilter),
        ..Self::NONE
    };
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            set: 24,
            random: 10,
            alu: 14,
            branch: 20,
            count: 3,
            may_goto: 3,
            iterate: 10,
            repeat: 6,
            call: 5,
            call_global: 3,
            access: 12,
            atomic: 3,
            rcu: 3,
            hold: 3,
            renew: 2,
            look_up: 3,
            leave: 5,
            throw: 1,
            tail_call: 1,
            trap: 4,
            size: 24,
            checkpoints: 50,
            few_places: false,
            kind: None,
        }
    }
}
