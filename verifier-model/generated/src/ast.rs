// SPDX-License-Identifier: GPL-2.0-only
//! The shape of a generated program: statements over a few places, so that a shrunk one can be read.
//!
//! Whatever the values, [`super::lower`] makes whole functions of it: a callback that is not there
//! is another one, `break` outside a loop is nothing. So generator and shrinker need no rules.

use bpf::caps::Caps;

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its type.
    pub kind: ProgKind,
    /// `BPF_F_TEST_STATE_FREQ`: the verifier keeps a state at every chance.
    pub checkpoints: bool,
    /// The entry.
    pub main: Function,
    /// Static functions `f(u64 a, u64 b, cells *)`.
    pub statics: Vec<Function>,
    /// Global functions `f(u64 a, u64 b)`.
    pub globals: Vec<Function>,
    /// Callbacks of `bpf_loop()`: `f(u64 index, cells *)`.
    pub callbacks: Vec<Function>,
}

/// The program types that are generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgKind {
    /// Never sleeps; runs in an RCU section from start to end.
    RawTracepoint,
    /// Sleeps; opens RCU sections itself.
    Syscall,
    /// The same, loaded with CAP_BPF alone: no pointer may leak, and what a processor does on a path
    /// it mispredicts is checked too.
    SyscallBpf,
    /// Loaded by a user without capabilities: neither kfuncs nor functions nor loops, no pointer may
    /// leak, and what a processor does on a path it mispredicts is checked too.
    SocketFilter,
}

impl ProgKind {
    /// Each with its name in files.
    pub const NAMES: [(Self, &str); 4] = [
        (Self::RawTracepoint, "raw_tracepoint"),
        (Self::Syscall, "syscall"),
        (Self::SyscallBpf, "syscall_bpf"),
        (Self::SocketFilter, "socket_filter"),
    ];

    /// What its loader is capable of.
    pub fn caps(self) -> Caps {
        match self {
            Self::RawTracepoint | Self::Syscall => Caps::all(),
            Self::SyscallBpf => Caps::BPF,
            Self::SocketFilter => Caps::empty(),
        }
    }

    /// Whether the kernel takes BTF from its loader.
    pub fn may_have_btf(self) -> bool {
        self.caps().has(Caps::BPF)
    }

    /// Whether it sleeps.
    pub fn sleepable(self) -> bool {
        matches!(self, Self::Syscall | Self::SyscallBpf)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// What it does.
    pub body: Block,
    /// What it returns.
    pub result: Operand,
}

/// Statements, one after the other.
pub type Block = Vec<Stmt>;

/// Where a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// R6 to R8. Where the first two arguments of a function arrive.
    Reg(u8),
    /// One of four words on the function's stack.
    Cell(u8),
    /// One of the caller's four words.
    Outer(u8),
}

/// A value: a constant, or what a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// A constant, sign-extended to 64 bits.
    Imm(i32),
    /// A place.
    At(Place),
}

/// Bytes of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 1
    B,
    /// 2
    H,
    /// 4
    W,
    /// 8
    D,
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operations are the instruction set's")]
pub enum AluOp {
    Add,
    Sub,
    Mul,
    Div,
    Or,
    And,
    Lsh,
    Rsh,
    Mod,
    Xor,
    Arsh,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operations are the instruction set's")]
pub enum CmpOp {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Sgt,
    Sge,
    Slt,
    Sle,
    Set,
}

/// A condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cond {
    /// The comparison.
    pub op: CmpOp,
    /// 64 bits rather than 32.
    pub wide: bool,
    /// Left of it.
    pub left: Place,
    /// Right of it.
    pub right: Operand,
}

/// What an open-coded iterator walks over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// `bpf_iter_num`: numbers from … to ….
    Num(i32, i32),
    /// `bpf_iter_bits` over a word of the stack.
    Bits,
    /// `bpf_iter_cpumask`.
    Cpus(Mask),
    /// `bpf_iter_testmod_seq`, known by its BTF alone: a value, so many times.
    Seq(i32, i32),
}

/// A CPU mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// That of the possible CPUs: always there.
    Possible,
    /// `current->cpus_ptr`: there until the RCU section ends.
    Task,
    /// The one of the innermost [`Stmt::Hold`].
    Held,
}

/// What memory an access goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// 16 bytes of the stack.
    Buffer,
    /// An array map's only value of 16 bytes, by its address.
    Value,
    /// The value of 16 bytes that the innermost [`Stmt::LookUp`] found.
    Found,
}

/// What an access does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Loads into a place.
    Load(Place),
    /// Stores a value.
    Store(Operand),
}

/// Atomic operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the operations are the instruction set's")]
pub enum AtomicOp {
    Add,
    FetchAdd,
    Xchg,
    Cmpxchg,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stmt {
    /// `place = value`; into a cell with this size.
    Set(Place, Operand, Size),
    /// `place = bpf_get_prandom_u32()`
    Random(Place),
    /// `place op= value`
    Alu {
        /// The operation.
        op: AluOp,
        /// 64 bits rather than 32.
        wide: bool,
        /// Left of it, and the result.
        to: Place,
        /// Right of it.
        by: Operand,
    },
    /// `if (cond) { then } else { other }`
    If(Cond, Block, Block),
    /// `for (place = 0; place < n; place++) { body }`
    Count(Place, u8, Block),
    /// `while (may_goto) { body }`; or, when true, `do { body } while (may_goto)` with the jump
    /// that leaves the loop going back instead.
    MayGoto(bool, Block),
    /// `while ((p = next(&it))) { place = *p; body }` between `new` and `destroy`.
    Iterate(Walk, Option<Place>, Block),
    /// `bpf_loop(n, callback, cells, 0)`
    Repeat(Operand, u8),
    /// `place = static(a, b, cells)`
    Call(u8, [Operand; 2], Place),
    /// `place = global(a, b)`
    CallGlobal(u8, [Operand; 2], Place),
    /// An access to memory at a variable index.
    Access {
        /// Which memory.
        memory: Memory,
        /// Bytes from its start.
        index: Operand,
        /// Passed over when the index is above this, unsigned.
        limit: Option<u8>,
        /// Constant added to the index.
        offset: i8,
        /// Bytes.
        size: Size,
        /// What it does.
        way: Way,
    },
    /// `atomic(cell, place)` on a word of the stack; a fetch goes to the place.
    Atomic(AtomicOp, u8, Place),
    /// `bpf_rcu_read_lock(); { … } bpf_rcu_read_unlock()`
    Rcu(Block),
    /// `if ((mask = bpf_cpumask_create())) { …; bpf_cpumask_release(mask) }`
    Hold(Block),
    /// Takes a new reference to the innermost mask held, and gives the old one back.
    Renew,
    /// `if ((value = bpf_map_lookup_elem(map, key))) { … }`; the array or, when true, the hash.
    LookUp(bool, Operand, Block),
    /// Out of the innermost loop, past what its body holds.
    Break,
    /// Out of the function, past what it holds.
    Return(Operand),
    /// `bpf_throw(0)`
    Throw,
    /// `bpf_tail_call(ctx, programs, 0)`
    TailCall,
    /// A read through NULL: never right, so accepted only where the verifier thinks it unreachable.
    Trap,
}

impl Program {
    /// All functions, the entry first.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        let main = std::iter::once(&self.main);
        let subs = self.statics.iter().chain(&self.globals);
        main.chain(subs).chain(&self.callbacks)
    }

    /// Whether some statement is one of these.
    pub fn any(&self, wanted: impl Fn(&Stmt) -> bool + Copy) -> bool {
        self.functions().any(|f| any(&f.body, wanted))
    }

    /// Number of statements.
    pub fn size(&self) -> usize {
        self.functions().map(|f| size(&f.body)).sum()
    }
}

impl Stmt {
    /// The blocks inside.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::If(_, then, other) => vec![then, other],
            Self::Count(_, _, b)
            | Self::MayGoto(_, b)
            | Self::Iterate(_, _, b)
            | Self::Rcu(b)
            | Self::Hold(b)
            | Self::LookUp(_, _, b) => vec![b],
            _ => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::If(_, then, other) => vec![then, other],
            Self::Count(_, _, b)
            | Self::MayGoto(_, b)
            | Self::Iterate(_, _, b)
            | Self::Rcu(b)
            | Self::Hold(b)
            | Self::LookUp(_, _, b) => vec![b],
            _ => Vec::new(),
        }
    }
}

fn any(block: &Block, wanted: impl Fn(&Stmt) -> bool + Copy) -> bool {
    let inside = |s: &Stmt| s.blocks().into_iter().any(|b| any(b, wanted));
    block.iter().any(|s| wanted(s) || inside(s))
}

fn size(block: &Block) -> usize {
    let inside = |s: &Stmt| s.blocks().into_iter().map(size).sum::<usize>();
    block.iter().map(|s| 1 + inside(s)).sum()
}
