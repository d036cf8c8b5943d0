// SPDX-License-Identifier: GPL-2.0-only
//! What ends the program or leaves a function, so that nothing may be held there: what the kernel
//! calls `check_resource_leak()` for.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leaving {
    /// The program's last instruction, or a function's.
    Exit,
    /// An exception.
    Throw,
    /// A tail call.
    TailCall,
    /// A legacy load from the packet, which may fail.
    PacketLoad,
}

impl Leaving {
    /// As messages call it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Exit => "BPF_EXIT instruction in main prog",
            Self::Throw => "bpf_throw",
            Self::TailCall => "tail_call",
            Self::PacketLoad => "BPF_LD_[ABS|IND]",
        }
    }
}
