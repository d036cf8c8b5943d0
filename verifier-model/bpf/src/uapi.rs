// SPDX-License-Identifier: GPL-2.0-only
//! Names and numbers of the BPF user-space interface (`include/uapi/linux/bpf.h`, 7.3).

/// Makes an enum of a C enum: each constant with its value and its name in C.
macro_rules! c_enums {
    ($($(#[$meta:meta])* pub enum $name:ident { $($variant:ident = $value:literal, $c_name:literal;)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[repr(u32)]
            pub enum $name { $(#[doc = concat!("`", $c_name, "`")] $variant = $value,)* }

            impl $name {
                /// All constants, ascending.
                pub const ALL: &[Self] = &[$(Self::$variant,)*];

                /// The constant's name in C.
                pub fn c_name(self) -> &'static str {
                    match self { $(Self::$variant => $c_name,)* }
                }

                /// The constant with this value.
                pub fn from_u32(value: u32) -> Option<Self> {
                    Self::ALL.get(value as usize).copied()
                }
            }
        )*
    };
}

c_enums! {
    /// `enum bpf_prog_type`.
    pub enum ProgType {
        Unspec = 0, "BPF_PROG_TYPE_UNSPEC";
        SocketFilter = 1, "BPF_PROG_TYPE_SOCKET_FILTER";
        Kprobe = 2, "BPF_PROG_TYPE_KPROBE";
        SchedCls = 3, "BPF_PROG_TYPE_SCHED_CLS";
        SchedAct = 4, "BPF_PROG_TYPE_SCHED_ACT";
        Tracepoint = 5, "BPF_PROG_TYPE_TRACEPOINT";
        Xdp = 6, "BPF_PROG_TYPE_XDP";
        PerfEvent = 7, "BPF_PROG_TYPE_PERF_EVENT";
        CgroupSkb = 8, "BPF_PROG_TYPE_CGROUP_SKB";
        CgroupSock = 9, "BPF_PROG_TYPE_CGROUP_SOCK";
        LwtIn = 10, "BPF_PROG_TYPE_LWT_IN";
        LwtOut = 11, "BPF_PROG_TYPE_LWT_OUT";
        LwtXmit = 12, "BPF_PROG_TYPE_LWT_XMIT";
        SockOps = 13, "BPF_PROG_TYPE_SOCK_OPS";
        SkSkb = 14, "BPF_PROG_TYPE_SK_SKB";
        CgroupDevice = 15, "BPF_PROG_TYPE_CGROUP_DEVICE";
        SkMsg = 16, "BPF_PROG_TYPE_SK_MSG";
        RawTracepoint = 17, "BPF_PROG_TYPE_RAW_TRACEPOINT";
        CgroupSockAddr = 18, "BPF_PROG_TYPE_CGROUP_SOCK_ADDR";
        LwtSeg6local = 19, "BPF_PROG_TYPE_LWT_SEG6LOCAL";
        LircMode2 = 20, "BPF_PROG_TYPE_LIRC_MODE2";
        SkReuseport = 21, "BPF_PROG_TYPE_SK_REUSEPORT";
        FlowDissector = 22, "BPF_PROG_TYPE_FLOW_DISSECTOR";
        CgroupSysctl = 23, "BPF_PROG_TYPE_CGROUP_SYSCTL";
        RawTracepointWritable = 24, "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE";
        CgroupSockopt = 25, "BPF_PROG_TYPE_CGROUP_SOCKOPT";
        Tracing = 26, "BPF_PROG_TYPE_TRACING";
        StructOps = 27, "BPF_PROG_TYPE_STRUCT_OPS";
        Ext = 28, "BPF_PROG_TYPE_EXT";
        Lsm = 29, "BPF_PROG_TYPE_LSM";
        SkLookup = 30, "BPF_PROG_TYPE_SK_LOOKUP";
        Syscall = 31, "BPF_PROG_TYPE_SYSCALL";
        Netfilter = 32, "BPF_PROG_TYPE_NETFILTER";
    }
    /// `enum bpf_attach_type`.
    pub enum AttachType {
        CgroupInetIngress = 0, "BPF_CGROUP_INET_INGRESS";
        CgroupInetEgress = 1, "BPF_CGROUP_INET_EGRESS";
        CgroupInetSockCreate = 2, "BPF_CGROUP_INET_SOCK_CREATE";
        CgroupSockOps = 3, "BPF_CGROUP_SOCK_OPS";
        SkSkbStreamParser = 4, "BPF_SK_SKB_STREAM_PARSER";
        SkSkbStreamVerdict = 5, "BPF_SK_SKB_STREAM_VERDICT";
        CgroupDevice = 6, "BPF_CGROUP_DEVICE";
        SkMsgVerdict = 7, "BPF_SK_MSG_VERDICT";
        CgroupInet4Bind = 8, "BPF_CGROUP_INET4_BIND";
        CgroupInet6Bind = 9, "BPF_CGROUP_INET6_BIND";
        CgroupInet4Connect = 10, "BPF_CGROUP_INET4_CONNECT";
        CgroupInet6Connect = 11, "BPF_CGROUP_INET6_CONNECT";
        CgroupInet4PostBind = 12, "BPF_CGROUP_INET4_POST_BIND";
        CgroupInet6PostBind = 13, "BPF_CGROUP_INET6_POST_BIND";
        CgroupUdp4Sendmsg = 14, "BPF_CGROUP_UDP4_SENDMSG";
        CgroupUdp6Sendmsg = 15, "BPF_CGROUP_UDP6_SENDMSG";
        LircMode2 = 16, "BPF_LIRC_MODE2";
        FlowDissector = 17, "BPF_FLOW_DISSECTOR";
        CgroupSysctl = 18, "BPF_CGROUP_SYSCTL";
        CgroupUdp4Recvmsg = 19, "BPF_CGROUP_UDP4_RECVMSG";
        CgroupUdp6Recvmsg = 20, "BPF_CGROUP_UDP6_RECVMSG";
        CgroupGetsockopt = 21, "BPF_CGROUP_GETSOCKOPT";
        CgroupSetsockopt = 22, "BPF_CGROUP_SETSOCKOPT";
        TraceRawTp = 23, "BPF_TRACE_RAW_TP";
        TraceFentry = 24, "BPF_TRACE_FENTRY";
        TraceFexit = 25, "BPF_TRACE_FEXIT";
        ModifyReturn = 26, "BPF_MODIFY_RETURN";
        LsmMac = 27, "BPF_LSM_MAC";
        TraceIter = 28, "BPF_TRACE_ITER";
        CgroupInet4Getpeername = 29, "BPF_CGROUP_INET4_GETPEERNAME";
        CgroupInet6Getpeername = 30, "BPF_CGROUP_INET6_GETPEERNAME";
        CgroupInet4Getsockname = 31, "BPF_CGROUP_INET4_GETSOCKNAME";
        CgroupInet6Getsockname = 32, "BPF_CGROUP_INET6_GETSOCKNAME";
        XdpDevmap = 33, "BPF_XDP_DEVMAP";
        CgroupInetSockRelease = 34, "BPF_CGROUP_INET_SOCK_RELEASE";
        XdpCpumap = 35, "BPF_XDP_CPUMAP";
        SkLookup = 36, "BPF_SK_LOOKUP";
        Xdp = 37, "BPF_XDP";
        SkSkbVerdict = 38, "BPF_SK_SKB_VERDICT";
        SkReuseportSelect = 39, "BPF_SK_REUSEPORT_SELECT";
        SkReuseportSelectOrMigrate = 40, "BPF_SK_REUSEPORT_SELECT_OR_MIGRATE";
        PerfEvent = 41, "BPF_PERF_EVENT";
        TraceKprobeMulti = 42, "BPF_TRACE_KPROBE_MULTI";
        LsmCgroup = 43, "BPF_LSM_CGROUP";
        StructOps = 44, "BPF_STRUCT_OPS";
        Netfilter = 45, "BPF_NETFILTER";
        TcxIngress = 46, "BPF_TCX_INGRESS";
        TcxEgress = 47, "BPF_TCX_EGRESS";
        TraceUprobeMulti = 48, "BPF_TRACE_UPROBE_MULTI";
        CgroupUnixConnect = 49, "BPF_CGROUP_UNIX_CONNECT";
        CgroupUnixSendmsg = 50, "BPF_CGROUP_UNIX_SENDMSG";
        CgroupUnixRecvmsg = 51, "BPF_CGROUP_UNIX_RECVMSG";
        CgroupUnixGetpeername = 52, "BPF_CGROUP_UNIX_GETPEERNAME";
        CgroupUnixGetsockname = 53, "BPF_CGROUP_UNIX_GETSOCKNAME";
        NetkitPrimary = 54, "BPF_NETKIT_PRIMARY";
        NetkitPeer = 55, "BPF_NETKIT_PEER";
        TraceKprobeSession = 56, "BPF_TRACE_KPROBE_SESSION";
        TraceUprobeSession = 57, "BPF_TRACE_UPROBE_SESSION";
        TraceFsession = 58, "BPF_TRACE_FSESSION";
        TraceFentryMulti = 59, "BPF_TRACE_FENTRY_MULTI";
        TraceFexitMulti = 60, "BPF_TRACE_FEXIT_MULTI";
        TraceFsessionMulti = 61, "BPF_TRACE_FSESSION_MULTI";
    }
    /// `enum bpf_map_type`.
    pub enum MapType {
        Unspec = 0, "BPF_MAP_TYPE_UNSPEC";
        Hash = 1, "BPF_MAP_TYPE_HASH";
        Array = 2, "BPF_MAP_TYPE_ARRAY";
        ProgArray = 3, "BPF_MAP_TYPE_PROG_ARRAY";
        PerfEventArray = 4, "BPF_MAP_TYPE_PERF_EVENT_ARRAY";
        PercpuHash = 5, "BPF_MAP_TYPE_PERCPU_HASH";
        PercpuArray = 6, "BPF_MAP_TYPE_PERCPU_ARRAY";
        StackTrace = 7, "BPF_MAP_TYPE_STACK_TRACE";
        CgroupArray = 8, "BPF_MAP_TYPE_CGROUP_ARRAY";
        LruHash = 9, "BPF_MAP_TYPE_LRU_HASH";
        LruPercpuHash = 10, "BPF_MAP_TYPE_LRU_PERCPU_HASH";
        LpmTrie = 11, "BPF_MAP_TYPE_LPM_TRIE";
        ArrayOfMaps = 12, "BPF_MAP_TYPE_ARRAY_OF_MAPS";
        HashOfMaps = 13, "BPF_MAP_TYPE_HASH_OF_MAPS";
        Devmap = 14, "BPF_MAP_TYPE_DEVMAP";
        Sockmap = 15, "BPF_MAP_TYPE_SOCKMAP";
        Cpumap = 16, "BPF_MAP_TYPE_CPUMAP";
        Xskmap = 17, "BPF_MAP_TYPE_XSKMAP";
        Sockhash = 18, "BPF_MAP_TYPE_SOCKHASH";
        CgroupStorage = 19, "BPF_MAP_TYPE_CGROUP_STORAGE";
        ReuseportSockarray = 20, "BPF_MAP_TYPE_REUSEPORT_SOCKARRAY";
        PercpuCgroupStorage = 21, "BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE";
        Queue = 22, "BPF_MAP_TYPE_QUEUE";
        Stack = 23, "BPF_MAP_TYPE_STACK";
        SkStorage = 24, "BPF_MAP_TYPE_SK_STORAGE";
        DevmapHash = 25, "BPF_MAP_TYPE_DEVMAP_HASH";
        StructOps = 26, "BPF_MAP_TYPE_STRUCT_OPS";
        Ringbuf = 27, "BPF_MAP_TYPE_RINGBUF";
        InodeStorage = 28, "BPF_MAP_TYPE_INODE_STORAGE";
        TaskStorage = 29, "BPF_MAP_TYPE_TASK_STORAGE";
        BloomFilter = 30, "BPF_MAP_TYPE_BLOOM_FILTER";
        UserRingbuf = 31, "BPF_MAP_TYPE_USER_RINGBUF";
        CgrpStorage = 32, "BPF_MAP_TYPE_CGRP_STORAGE";
        Arena = 33, "BPF_MAP_TYPE_ARENA";
        InsnArray = 34, "BPF_MAP_TYPE_INSN_ARRAY";
        Rhash = 35, "BPF_MAP_TYPE_RHASH";
    }
}

/// `struct bpf_insn`: one 8-byte instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Insn {
    /// Opcode.
    pub code: u8,
    /// Destination register, 0 to 15 as encoded (only 0 to 10 are valid).
    pub dst_reg: u8,
    /// Source register, or a `BPF_PSEUDO_*` constant.
    pub src_reg: u8,
    /// Signed offset.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl Insn {
    /// Size of an instruction in bytes.
    pub const SIZE: usize = 8;

    /// Decodes a little-endian instruction.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let [code, regs, off0, off1, imm @ ..] = bytes;
        Self {
            code,
            dst_reg: regs & 0xf,
            src_reg: regs >> 4,
            off: i16::from_le_bytes([off0, off1]),
            imm: i32::from_le_bytes(imm),
        }
    }

    /// Encodes a little-endian instruction.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let off = self.off.to_le_bytes();
        let imm = self.imm.to_le_bytes();
        let regs = self.dst_reg & 0xf | self.src_reg << 4;
        [
            self.code, regs, off[0], off[1], imm[0], imm[1], imm[2], imm[3],
        ]
    }

    /// Whether this is the first half of a 16-byte `ld_imm64`.
    pub fn is_ld_imm64(self) -> bool {
        self.code == op::LD_IMM64
    }

    /// Whether this calls a BPF function of the same program (`BPF_PSEUDO_CALL`).
    pub fn is_call(self) -> bool {
        self.code == op::CALL && self.src_reg == pseudo::CALL
    }

    /// Whether this loads a BPF function's address (`BPF_PSEUDO_FUNC`).
    pub fn is_ldimm64_func(self) -> bool {
        self.is_ld_imm64() && self.src_reg == pseudo::FUNC
    }
}

/// Whole opcodes that the loader must know. The verifier's own decoding is elsewhere.
pub mod op {
    /// `BPF_LD | BPF_IMM | BPF_DW`
    pub const LD_IMM64: u8 = 0x18;
    /// `BPF_JMP | BPF_CALL`
    pub const CALL: u8 = 0x85;
    /// `BPF_JMP | BPF_EXIT`
    pub const EXIT: u8 = 0x95;
}

/// `BPF_PSEUDO_*`: what the source register of `ld_imm64` and `call` says.
pub mod pseudo {
    /// `ld_imm64` of a map's address.
    pub const MAP_FD: u8 = 1;
    /// `ld_imm64` of an address in a map's first value.
    pub const MAP_VALUE: u8 = 2;
    /// `ld_imm64` of a kernel variable's address.
    pub const BTF_ID: u8 = 3;
    /// `ld_imm64` of a BPF function's address.
    pub const FUNC: u8 = 4;
    /// As [`MAP_FD`], by index into `fd_array`.
    pub const MAP_IDX: u8 = 5;
    /// As [`MAP_VALUE`], by index into `fd_array`.
    pub const MAP_IDX_VALUE: u8 = 6;
    /// `call` of a BPF function.
    pub const CALL: u8 = 1;
    /// `call` of a kernel function.
    pub const KFUNC_CALL: u8 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enums_are_dense_and_named() {
        for (i, t) in MapType::ALL.iter().enumerate() {
            assert_eq!(*t as usize, i);
        }
        assert_eq!(AttachType::TraceFsession.c_name(), "BPF_TRACE_FSESSION");
        assert_eq!(ProgType::from_u32(33), None);
    }

    proptest::proptest! {
        #[test]
        fn insn_bytes_round_trip(bytes: [u8; 8]) {
            proptest::prop_assert_eq!(Insn::from_bytes(bytes).to_bytes(), bytes);
        }
    }
}
