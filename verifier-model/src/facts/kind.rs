// SPDX-License-Identifier: GPL-2.0-only
//! Why programs are rejected, as names that stay: what a rejection is told apart by.
//!
//! A message says what is wrong with one register of one program; its kind says what is wrong with
//! programs like it, and so what to do. Many messages are of one kind.

macro_rules! kinds {
    ($($variant:ident $name:literal $what:literal;)*) => {
        /// What is wrong with a program that is rejected.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $what] $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, which does not change from one version of this crate to the next.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it is, in a sentence.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$variant => $what,)*
                }
            }
        }
    };
}

kinds! {
    // Size and shape.
    InfiniteLoop "infinite-loop" "A round of a loop changes nothing that the verifier sees.";
    TooLarge "too-large" "More instructions are walked than the verifier has patience for.";
    TooManyJumps "too-many-jumps" "Too many paths wait to be walked.";
    TooManyFunctions "too-many-functions" "The program has more functions than it may.";
    LivenessTooComplex "liveness-too-complex" "Functions are called along too many chains for the stack's liveness to be found.";
    StackCombined "stack-combined" "The functions of a chain of calls need more stack together than there is.";
    StackFunction "stack-function" "One function needs more stack than there is.";
    TailCallStack "tail-call-stack" "The stack below a tail call is too deep.";
    CallDepth "call-depth" "Calls are nested too deeply.";
    Recursion "recursion" "Functions call each other in a circle.";
    ControlFlow "control-flow" "A jump or call leads where it must not, or nothing leads to an instruction.";
    MalformedInstruction "malformed-instruction" "An instruction is none, or has bits set that must be zero.";
    AbnormalReturn "abnormal-return" "An instruction may end the program, in a function that cannot return what it then would.";
    JumpTable "jump-table" "An indirect jump has no table, or leaves it.";
    // What is attached to, and what may be called.
    AttachTarget "attach-target" "The program cannot attach where it wants to.";
    ProgramCannotSleep "program-cannot-sleep" "A program of this type, or at this place, may not be sleepable.";
    Capability "capability" "The loader lacks a capability.";
    Gpl "gpl" "Something is for programs with a license compatible with the GPL.";
    CallNotAllowed "call-not-allowed" "The helper or kfunc is not for programs of this type.";
    MissingFunction "missing-function" "The kernel has no such helper.";
    UnresolvedRelocation "unresolved-relocation" "The kernel lacks a field, type or enumerator that the program uses.";
    MapNotCreated "map-not-created" "The program uses a map that the loader does not create.";
    KfuncUnresolved "kfunc-unresolved" "The kernel lacks a kfunc that the program calls.";
    KfuncNotFound "kfunc-not-found" "The kernel's types have no such kfunc.";
    KfuncPrototype "kfunc-prototype" "A kfunc's prototype is not one that programs can call.";
    ProgramNotSleepable "program-not-sleepable" "Only a sleepable program may call it.";
    SleepsInAtomic "sleeps-in-atomic" "It may sleep, where nothing may.";
    CallOutsideRcu "call-outside-rcu" "The kfunc is to be called inside an RCU section.";
    CallUnderLock "call-under-lock" "No such call while a lock is held.";
    CallbackNotAllowed "callback-not-allowed" "What is passed as a callback cannot be one.";
    RbtreeCallback "rbtree-callback" "Not inside a callback of an rbtree.";
    TailCall "tail-call" "No tail call here.";
    Exception "exception" "The exception callback is not one.";
    // BTF of the program.
    FunctionInfo "function-info" "The function information does not fit the code.";
    LineInfo "line-info" "The line information does not fit the code.";
    FunctionBtf "function-btf" "BTF does not say what a function takes.";
    FunctionPrototype "function-prototype" "A function that is verified on its own takes or returns what it must not.";
    ArgumentTag "argument-tag" "The tags of an argument contradict each other, or its type.";
    TypeArgument "type-argument" "A type id passed as an argument is not that of a fitting structure.";
    KernelVariable "kernel-variable" "A kernel variable is not found, or has no size.";
    // Maps.
    MapNotUsable "map-not-usable" "The program may not use this map.";
    MapType "map-type" "The helper is not for maps of this type.";
    MapWithoutBtf "map-without-btf" "The map's value has to be described by BTF.";
    MapAccessForbidden "map-access-forbidden" "The map is read-only or write-only for programs.";
    AnotherMap "another-map" "The object is from another map than the one it is used with.";
    Arena "arena" "An arena is needed, or a pointer into one.";
    // Registers and stack.
    UnwrittenRegister "unwritten-register" "A register is read that was not written.";
    UnwrittenStack "unwritten-stack" "Stack is read that was not written.";
    StackOutOfBounds "stack-out-of-bounds" "An access leaves the stack.";
    StackUnbounded "stack-unbounded" "An access to the stack is at an offset that is not known well enough.";
    StackArguments "stack-arguments" "Arguments on the stack are not read or written as they have to be.";
    SpilledPointer "spilled-pointer" "A pointer on the stack would be damaged.";
    SpillSize "spill-size" "A spilled pointer is read or written in part.";
    FramePointer "frame-pointer" "The frame pointer is read only.";
    ReturnValue "return-value" "What is returned is not what has to be.";
    TwoPointerTypes "two-pointer-types" "One instruction works on pointers of two types, on different paths.";
    // Numbers and pointers.
    NullDereference "null-dereference" "A pointer is used that may be NULL.";
    NullConstant "null-constant" "A pointer is used that is NULL.";
    NumberDereference "number-dereference" "A number is used as a pointer.";
    PointerDereference "pointer-dereference" "A pointer is used to access memory that gives none.";
    PointerArithmetic "pointer-arithmetic" "No such arithmetic on pointers.";
    UnboundedOffset "unbounded-offset" "A pointer is moved by more than is sane.";
    ModifiedPointer "modified-pointer" "A pointer has to be as it was given, and was moved.";
    ConstantOffset "constant-offset" "An object has to be at an offset that is known.";
    AddressLeak "address-leak" "An address would get where programs of this loader may see it.";
    DivisionByZero "division-by-zero" "A division by the constant 0.";
    CompilerTrap "compiler-trap" "The compiler put a trap where it found the code undefined.";
    // Memory.
    MapValueBounds "map-value-bounds" "An access leaves a map's value.";
    MemoryBounds "memory-bounds" "An access leaves the memory that a pointer is to.";
    PacketBounds "packet-bounds" "An access leaves the part of the packet that was compared with its end.";
    PacketPointerLost "packet-pointer-lost" "A packet pointer is passed to a function that may change the packet.";
    ContextBounds "context-bounds" "The context has no such field, or it may not be accessed so.";
    ObjectBounds "object-bounds" "An access leaves a structure.";
    BufferBounds "buffer-bounds" "An access to a buffer is at an offset that is not known, or before its start.";
    NegativeIndex "negative-index" "An index may be negative.";
    UnboundedIndex "unbounded-index" "An index may be too large.";
    Length "length" "A length is not bounded, or may be zero or negative.";
    MemorySize "memory-size" "A memory's size is too large to be tracked.";
    MemoryLengthPair "memory-length-pair" "Memory and its length do not fit each other.";
    Misaligned "misaligned" "An access is not aligned.";
    ReadOnly "read-only" "The memory may not be written.";
    FieldAccess "field-access" "A structure has no such field, or an access crosses fields.";
    SpecialField "special-field" "A special field of a value is not for loads and stores.";
    KptrAccess "kptr-access" "A pointer to a kernel object in a value is accessed as it must not be.";
    AtomicMemory "atomic-memory" "No atomic operation on such memory.";
    PacketLoad "packet-load" "No load of this old kind here.";
    // Arguments.
    NullArgument "null-argument" "An argument may be NULL, and must not.";
    ArgumentType "argument-type" "An argument is not of the type that is expected.";
    ConstantArgument "constant-argument" "An argument has to be a known constant.";
    ConstantString "constant-string" "A string has to be constant, in a read-only map, and end with a zero.";
    GlobalFunctionArgument "global-function-argument" "What is passed to a global function does not fit its prototype.";
    NotTrusted "not-trusted" "A pointer has to be trusted, and is not.";
    NoRcuSection "no-rcu-section" "A pointer is trusted inside an RCU section only, and none is open.";
    // What is held.
    ReferenceLeak "reference-leak" "What was acquired is not released.";
    ReleaseWithoutReference "release-without-reference" "What is released was not acquired, or is held no more.";
    SectionLeftOpen "section-left-open" "A lock or section is left open.";
    SectionNotOpen "section-not-open" "A lock or section is ended that is not open.";
    LockNotHeld "lock-not-held" "The lock that guards it is not held.";
    AnotherLock "another-lock" "Another lock is held, or is to be released first.";
    LockField "lock-field" "The value has no lock at this place.";
    WrongField "wrong-field" "A list or tree takes another field than the one given.";
    ProgramTypeOfField "program-type-of-field" "Programs of this type may not use such a field.";
    Dynptr "dynptr" "A dynptr is not used as it has to be.";
    IrqFlag "irq-flag" "A saved interrupt flag is not used as it has to be.";
    IterNotInitialised "iter-not-initialised" "An iterator is used that was not made, or is of another kind.";
    IterAlreadyInitialised "iter-already-initialised" "An iterator is made where one is alive.";
    IterNotOnStack "iter-not-on-stack" "An iterator has to be on the stack.";
    IterOutsideRcu "iter-outside-rcu" "An iterator is used outside the RCU section that it was made in.";
    // What the kernel does not put into words.
    VerifierBug "verifier-bug" "The verifier contradicts itself; the kernel warns of a bug of its own.";
    Silent "silent" "The kernel refuses it without a message.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_each_its_own() {
        let mut names: Vec<&str> = Kind::ALL.iter().map(|k| k.name()).collect();
        names.sort_unstable();
        let words = |n: &&str| n.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(names.iter().all(words));
        assert!(names.windows(2).all(|w| w[0] != w[1]));
    }
}
