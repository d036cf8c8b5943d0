// SPDX-License-Identifier: GPL-2.0-only
//! Fields of contexts and sockets as programs see them: what may be read or written in which sizes.
//!
//! Source: the `*_is_valid_access()` functions in `net/core/filter.c`, `kernel/bpf/cgroup.c` and
//! `net/netfilter/nf_bpf_link.c`; the structures are in `include/uapi/linux/bpf.h`.

use bpf::uapi::AttachType as A;

use crate::facts::access::Access;
use crate::facts::types::{Flag, RegType as T};

/// Sizes allowed: the bit of value `n` allows `n` bytes. Accesses are always aligned to their size.
type Sizes = u8;

const NONE: Sizes = 0;

const WORD: Sizes = 4;

const PTR: Sizes = 8;

/// One, two or four bytes.
const NARROW: Sizes = 1 | 2 | 4;

/// A structure of user space's view.
#[derive(Debug)]
pub(crate) struct Fields {
    size: i32,
    fields: &'static [Field],
    /// What it is like where `fields` say nothing.
    like: Option<&'static Fields>,
    /// Reads of what no field covers.
    other: Sizes,
}

/// Some bytes of it; the first entry that has an offset tells.
#[derive(Debug)]
struct Field {
    start: i32,
    end: i32,
    read: Sizes,
    write: Sizes,
    typ: T,
    /// Attach types that have it; empty for all.
    attach: &'static [A],
}

const fn field(start: i32, end: i32, read: Sizes) -> Field {
    Field {
        start,
        end,
        read,
        write: NONE,
        typ: T::SCALAR_VALUE,
        attach: &[],
    }
}

impl Field {
    const fn write(self, write: Sizes) -> Self {
        Self { write, ..self }
    }

    const fn only(self, attach: &'static [A]) -> Self {
        Self { attach, ..self }
    }
}

/// A pointer to something else.
const fn pointer(at: i32, typ: T) -> Field {
    Field {
        typ,
        ..field(at, at + 8, PTR)
    }
}

impl Fields {
    /// What an access of `size` bytes finds; None if it is not allowed.
    pub(crate) fn access(&self, off: i32, size: i32, access: Access, attach: A) -> Option<T> {
        if off < 0 || off >= self.size || off % size != 0 {
            return None;
        }
        let here = |f: &&Field| f.start <= off && off < f.end;
        let like = self.like.map_or(&[][..], |like| like.fields);
        let (read, write, typ) = match self.fields.iter().chain(like).find(here) {
            Some(f) if f.attach.is_empty() || f.attach.contains(&attach) => {
                (f.read, f.write, f.typ)
            }
            Some(_) => return None,
            None => (self.other, NONE, T::SCALAR_VALUE),
        };
        let sizes = if access == Access::Read { read } else { write };
        (i32::from(sizes) & size != 0).then_some(typ)
    }
}

const SOCKET_OR_NULL: T = T::PTR_TO_SOCKET.with(Flag::PTR_MAYBE_NULL);

const SOCK_COMMON_OR_NULL: T = T::PTR_TO_SOCK_COMMON.with(Flag::PTR_MAYBE_NULL);

/// `struct bpf_sock`.
pub(crate) const SOCK: Fields = Fields {
    size: 80,
    other: WORD,
    like: None,
    fields: &[
        field(4, 5, NARROW),
        field(8, 9, NARROW),
        field(12, 13, NARROW),
        field(24, 44, NARROW),
        field(44, 45, NARROW),
        field(48, 50, NARROW),
        field(50, 52, NONE),
        field(52, 72, NARROW),
        field(72, 73, NARROW),
        field(76, 77, NARROW),
    ],
};

/// `struct bpf_sock` where it may be less than a full socket.
pub(crate) const SOCK_COMMON: Fields = Fields {
    size: 80,
    other: WORD,
    fields: &[field(8, 24, NONE)],
    like: Some(&SOCK),
};

/// `struct bpf_tcp_sock`.
pub(crate) const TCP_SOCK: Fields = Fields {
    size: 112,
    other: WORD,
    like: None,
    fields: &[field(80, 81, PTR), field(88, 89, PTR)],
};

/// `struct bpf_xdp_sock`.
pub(crate) const XDP_SOCK: Fields = Fields {
    size: 4,
    other: WORD,
    like: None,
    fields: &[],
};

const SOCK_CREATE: &[A] = &[A::CgroupInetSockCreate, A::CgroupInetSockRelease];

const POST_BIND: &[A] = &[A::CgroupInet4PostBind, A::CgroupInet6PostBind];

/// `struct bpf_sock` as the context of `cgroup/sock*` and `cgroup/post_bind*`.
pub(crate) const CGROUP_SOCK: Fields = Fields {
    size: 80,
    other: WORD,
    fields: &[
        field(0, 1, WORD).write(WORD).only(SOCK_CREATE),
        field(16, 17, WORD).write(WORD).only(SOCK_CREATE),
        field(20, 21, WORD).write(WORD).only(SOCK_CREATE),
        field(24, 28, NARROW).only(&[A::CgroupInet4PostBind]),
        field(28, 44, NARROW).only(&[A::CgroupInet6PostBind]),
        field(44, 45, NARROW).only(POST_BIND),
    ],
    like: Some(&SOCK),
};

const INET4: &[A] = &[
    A::CgroupInet4Bind,
    A::CgroupInet4Connect,
    A::CgroupInet4Getpeername,
    A::CgroupInet4Getsockname,
    A::CgroupUdp4Sendmsg,
    A::CgroupUdp4Recvmsg,
];

const INET6: &[A] = &[
    A::CgroupInet6Bind,
    A::CgroupInet6Connect,
    A::CgroupInet6Getpeername,
    A::CgroupInet6Getsockname,
    A::CgroupUdp6Sendmsg,
    A::CgroupUdp6Recvmsg,
];

/// `struct bpf_sock_addr`.
pub(crate) const SOCK_ADDR: Fields = Fields {
    size: 72,
    other: NONE,
    like: None,
    fields: &[
        field(0, 4, WORD),
        field(4, 8, NARROW).write(WORD).only(INET4),
        field(8, 24, NARROW | PTR).write(WORD | PTR).only(INET6),
        field(24, 28, NARROW).write(WORD),
        field(28, 40, WORD),
        field(40, 44, NARROW)
            .write(WORD)
            .only(&[A::CgroupUdp4Sendmsg]),
        field(44, 56, NARROW | PTR)
            .write(WORD | PTR)
            .only(&[A::CgroupUdp6Sendmsg]),
        field(56, 60, NARROW)
            .write(WORD)
            .only(&[A::CgroupUdp6Sendmsg]),
        pointer(64, T::PTR_TO_SOCKET),
    ],
};

/// `struct bpf_sock_ops`.
pub(crate) const SOCK_OPS: Fields = Fields {
    size: 224,
    other: WORD,
    like: None,
    fields: &[
        field(4, 5, WORD).write(WORD),
        field(164, 165, WORD).write(WORD),
        field(168, 184, PTR),
        pointer(184, SOCKET_OR_NULL),
        pointer(192, T::PTR_TO_PACKET),
        pointer(200, T::PTR_TO_PACKET_END),
        field(212, 213, NARROW),
        field(216, 224, PTR),
    ],
};

/// `struct sk_msg_md`.
pub(crate) const SK_MSG: Fields = Fields {
    size: 80,
    other: NONE,
    like: None,
    fields: &[
        pointer(0, T::PTR_TO_PACKET),
        pointer(8, T::PTR_TO_PACKET_END),
        field(16, 72, WORD),
        pointer(72, T::PTR_TO_SOCKET),
    ],
};

/// `struct __sk_buff` as a flow dissector sees it.
pub(crate) const FLOW_DISSECTOR: Fields = Fields {
    size: 192,
    other: NONE,
    like: None,
    fields: &[
        Field {
            typ: T::PTR_TO_PACKET,
            ..field(76, 80, WORD)
        },
        Field {
            typ: T::PTR_TO_PACKET_END,
            ..field(80, 84, WORD)
        },
        pointer(144, T::PTR_TO_FLOW_KEYS),
    ],
};

/// `struct bpf_cgroup_dev_ctx`.
pub(crate) const CGROUP_DEVICE: Fields = Fields {
    size: 12,
    other: WORD,
    like: None,
    fields: &[field(0, 4, NARROW)],
};

/// `struct bpf_sysctl`.
pub(crate) const SYSCTL: Fields = Fields {
    size: 8,
    other: NONE,
    like: None,
    fields: &[field(0, 4, NARROW), field(4, 8, NARROW).write(WORD)],
};

/// `struct bpf_sockopt` of `setsockopt`.
pub(crate) const SETSOCKOPT: Fields = Fields {
    size: 40,
    other: WORD,
    like: None,
    fields: &[
        pointer(0, T::PTR_TO_SOCKET),
        pointer(8, T::PTR_TO_PACKET),
        pointer(16, T::PTR_TO_PACKET_END),
        field(24, 25, WORD).write(WORD),
        field(28, 29, WORD).write(WORD),
        field(32, 33, WORD).write(WORD),
        field(36, 40, NONE),
    ],
};

/// The same of `getsockopt`.
pub(crate) const GETSOCKOPT: Fields = Fields {
    size: 40,
    other: WORD,
    like: None,
    fields: &[
        pointer(0, T::PTR_TO_SOCKET),
        pointer(8, T::PTR_TO_PACKET),
        pointer(16, T::PTR_TO_PACKET_END),
        field(32, 33, WORD).write(WORD),
        field(36, 37, WORD).write(WORD),
    ],
};

/// `struct sk_reuseport_md`.
pub(crate) const SK_REUSEPORT: Fields = Fields {
    size: 56,
    other: NONE,
    like: None,
    fields: &[
        pointer(0, T::PTR_TO_PACKET),
        pointer(8, T::PTR_TO_PACKET_END),
        field(16, 20, NARROW),
        // The protocol has two bytes; less of it cannot be had.
        field(20, 24, 2 | WORD),
        field(24, 32, NARROW),
        field(32, 33, WORD),
        pointer(40, T::PTR_TO_SOCKET),
        pointer(48, SOCK_COMMON_OR_NULL),
    ],
};

/// `struct bpf_sk_lookup`.
pub(crate) const SK_LOOKUP: Fields = Fields {
    size: 72,
    other: NONE,
    like: None,
    fields: &[
        pointer(0, SOCKET_OR_NULL),
        field(8, 38, NARROW),
        field(38, 40, 1 | 2),
        field(40, 68, NARROW),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read(f: &Fields, off: i32, size: i32) -> Option<T> {
        f.access(off, size, Access::Read, A::CgroupInet4Bind)
    }

    #[test]
    fn sizes_and_alignment() {
        assert_eq!(read(&SOCK, 24, 1), Some(T::SCALAR_VALUE));
        assert_eq!(read(&SOCK, 26, 4), None, "not aligned");
        assert_eq!(read(&SOCK, 0, 2), None, "a word only");
        assert_eq!(read(&SOCK, 50, 2), None, "padding");
        assert_eq!(read(&SOCK, 80, 4), None, "the end");
        assert_eq!(read(&SOCK_COMMON, 16, 4), None, "a full socket's");
        assert_eq!(read(&SK_LOOKUP, 36, 4), Some(T::SCALAR_VALUE));
        assert_eq!(read(&SK_LOOKUP, 0, 8), Some(SOCKET_OR_NULL));
    }

    #[test]
    fn fields_of_an_address_family() {
        let write = |off, size, attach| SOCK_ADDR.access(off, size, Access::Write, attach);
        assert!(write(4, 4, A::CgroupInet4Bind).is_some());
        assert!(write(4, 4, A::CgroupInet6Bind).is_none());
        assert!(write(8, 8, A::CgroupInet6Bind).is_some());
        assert!(write(56, 8, A::CgroupUdp6Sendmsg).is_none(), "past the end");
    }
}
