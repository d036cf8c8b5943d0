// SPDX-License-Identifier: GPL-2.0-only
//! Fields of contexts and sockets as programs see them: what may be read or written in which sizes.
//!
//! A table of a release: `ctx_fields.txt`, which tells its format.
//!
//! Source: the `*_is_valid_access()` functions in `net/core/filter.c` and `kernel/bpf/cgroup.c`; the
//! structures are in `include/uapi/linux/bpf.h`.

use bpf::uapi::AttachType;

use crate::facts::access::Access;
use crate::facts::table::{Lines, constant, pair};
use crate::facts::type_words::reg_type;
use crate::facts::types::RegType;

macro_rules! views {
    ($($(#[$meta:meta])* $view:ident = $name:literal;)*) => {
        /// A structure as programs see it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum View { $($(#[$meta])* $view,)* }

        impl View {
            const ALL: &[Self] = &[$(Self::$view,)*];

            /// The kernel's function that tells of it.
            fn name(self) -> &'static str {
                match self { $(Self::$view => $name,)* }
            }
        }
    };
}

views! {
    /// `struct bpf_sock`.
    Sock = "bpf_sock_is_valid_access";
    /// `struct bpf_sock` where it may be less than a full socket.
    SockCommon = "bpf_sock_common_is_valid_access";
    /// `struct bpf_tcp_sock`.
    TcpSock = "bpf_tcp_sock_is_valid_access";
    /// `struct bpf_xdp_sock`.
    XdpSock = "bpf_xdp_sock_is_valid_access";
    /// `struct bpf_sock` as the context of `cgroup/sock*` and `cgroup/post_bind*`.
    CgroupSock = "sock_filter_is_valid_access";
    /// `struct bpf_sock_addr`.
    SockAddr = "sock_addr_is_valid_access";
    /// `struct bpf_sock_ops`.
    SockOps = "sock_ops_is_valid_access";
    /// `struct sk_msg_md`.
    SkMsg = "sk_msg_is_valid_access";
    /// `struct __sk_buff` as a flow dissector sees it.
    FlowDissector = "flow_dissector_is_valid_access";
    /// `struct bpf_cgroup_dev_ctx`.
    CgroupDevice = "cgroup_dev_is_valid_access";
    /// `struct bpf_sysctl`.
    Sysctl = "sysctl_is_valid_access";
    /// `struct bpf_sockopt` of `setsockopt`.
    Setsockopt = "cg_sockopt_is_valid_access:set";
    /// The same of `getsockopt`.
    Getsockopt = "cg_sockopt_is_valid_access:get";
    /// `struct sk_reuseport_md`.
    SkReuseport = "sk_reuseport_is_valid_access";
    /// `struct bpf_sk_lookup`.
    SkLookup = "sk_lookup_is_valid_access";
}

/// What programs of a release see. A structure that it does not have has no fields.
#[derive(Debug, Default)]
pub(crate) struct CtxFields {
    views: [Fields; View::ALL.len()],
    last: Option<View>,
}

/// The bit of value `n` allows `n` bytes.
type Sizes = u8;

#[derive(Clone, Debug, Default)]
struct Fields {
    size: i32,
    fields: Vec<Field>,
    /// What it is like where `fields` say nothing.
    like: Option<View>,
    /// Reads of what no field covers.
    other: Sizes,
}

/// Some bytes of a structure.
#[derive(Clone, Debug)]
struct Field {
    start: i32,
    end: i32,
    read: Sizes,
    write: Sizes,
    typ: RegType,
    /// Attach types that have it; empty for all.
    attach: Vec<AttachType>,
}

impl CtxFields {
    /// What an access of `size` bytes finds; None if it is not allowed.
    pub(crate) fn access(
        &self,
        view: View,
        (off, size): (i32, i32),
        access: Access,
        attach: AttachType,
    ) -> Option<RegType> {
        let view = &self.views[view as usize];
        if off < 0 || off >= view.size || off % size != 0 {
            return None;
        }
        let here = |f: &&Field| f.start <= off && off < f.end;
        let like = view
            .like
            .map_or(&[][..], |v| &self.views[v as usize].fields);
        let (read, write, typ) = match view.fields.iter().chain(like).find(here) {
            Some(f) if f.attach.is_empty() || f.attach.contains(&attach) => {
                (f.read, f.write, f.typ)
            }
            Some(_) => return None,
            None => (view.other, 0, RegType::SCALAR_VALUE),
        };
        let sizes = if access == Access::Read { read } else { write };
        (i32::from(sizes) & size != 0).then_some(typ)
    }
}

impl Lines for CtxFields {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "access" {
            let name = words.next().ok_or("a structure without a name")?;
            let view = view(name)?;
            self.views[view as usize] = read_view(words)?;
            self.last = Some(view);
            return Ok(());
        }
        let last = self.last.ok_or("a field before the first structure")?;
        let fields = &mut self.views[last as usize].fields;
        fields.push(read_field(first, words)?);
        Ok(())
    }
}

fn view(name: &str) -> Result<View, String> {
    constant(View::ALL, View::name, "", name)
}

fn read_view(words: impl Iterator<Item = &'static str>) -> Result<Fields, String> {
    let mut fields = Fields::default();
    for word in words {
        match pair(word)? {
            ("size", value) => fields.size = number(value)?,
            ("read", value) => fields.other = sizes(value)?,
            ("like", value) => fields.like = Some(view(value)?),
            _ => return Err(format!("'{word}' is nothing of a structure")),
        }
    }
    Ok(fields)
}

fn read_field(
    bytes: &'static str,
    words: impl Iterator<Item = &'static str>,
) -> Result<Field, String> {
    let (start, end) = bytes
        .split_once("..")
        .ok_or_else(|| format!("'{bytes}' is not from where to where"))?;
    let mut field = Field {
        start: number(start)?,
        end: number(end)?,
        read: 0,
        write: 0,
        typ: RegType::SCALAR_VALUE,
        attach: Vec::new(),
    };
    for word in words {
        match pair(word)? {
            ("read", value) => field.read = sizes(value)?,
            ("write", value) => field.write = sizes(value)?,
            ("type", value) => field.typ = reg_type(value)?,
            ("attach", value) => {
                let of = |name| constant(AttachType::ALL, AttachType::c_name, "", name);
                field.attach = value.split('|').map(of).collect::<Result<_, _>>()?;
            }
            _ => return Err(format!("'{word}' is nothing of a field")),
        }
    }
    Ok(field)
}

fn number(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}

fn sizes(text: &str) -> Result<Sizes, String> {
    let mut all = 0;
    for size in text.split(',') {
        all |= match size {
            "1" | "2" | "4" | "8" => number(size)? as Sizes,
            _ => return Err(format!("no access is of {size} bytes")),
        };
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::release::linux_7_3::LINUX_7_3;
    use crate::facts::types::Flag;

    fn access(view: View, at: (i32, i32), access: Access, attach: AttachType) -> Option<RegType> {
        let fields = &LINUX_7_3.tables.ctx_fields;
        fields.access(view, at, access, attach)
    }

    #[test]
    fn sizes_and_alignment() {
        let read =
            |view, off, size| access(view, (off, size), Access::Read, AttachType::CgroupInet4Bind);
        assert_eq!(read(View::Sock, 24, 1), Some(RegType::SCALAR_VALUE));
        assert_eq!(read(View::Sock, 26, 4), None, "not aligned");
        assert_eq!(read(View::Sock, 0, 2), None, "a word only");
        assert_eq!(read(View::Sock, 50, 2), None, "padding");
        assert_eq!(read(View::Sock, 80, 4), None, "the end");
        assert_eq!(read(View::SockCommon, 16, 4), None, "a full socket's");
        assert_eq!(read(View::SkLookup, 36, 4), Some(RegType::SCALAR_VALUE));
        let socket = RegType::PTR_TO_SOCKET | Flag::PTR_MAYBE_NULL;
        assert_eq!(read(View::SkLookup, 0, 8), Some(socket));
    }

    #[test]
    fn fields_of_an_address_family() {
        let write = |off, size, attach| access(View::SockAddr, (off, size), Access::Write, attach);
        assert!(write(4, 4, AttachType::CgroupInet4Bind).is_some());
        assert!(write(4, 4, AttachType::CgroupInet6Bind).is_none());
        assert!(write(8, 8, AttachType::CgroupInet6Bind).is_some());
        assert!(
            write(56, 8, AttachType::CgroupUdp6Sendmsg).is_none(),
            "past the end"
        );
    }
}
