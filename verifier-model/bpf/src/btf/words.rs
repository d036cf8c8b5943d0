// SPDX-License-Identifier: GPL-2.0-only
//! Words and questions about a type that several readers of BTF share.

use crate::btf::types::{Kind, Type};

/// Whether a type is an integer or an enumeration.
pub fn is_scalar(t: Type<'_>) -> bool {
    t.kind() == Kind::Int || t.is_any_enum()
}

/// Whether a type is `void`.
pub fn is_void(t: Type<'_>) -> bool {
    t.id() == 0
}

/// The word that messages use for a kind (`btf_type_str`).
pub fn kind_str(t: Type<'_>) -> &'static str {
    match t.kind() {
        Kind::Unkn => "UNKNOWN",
        Kind::Int => "INT",
        Kind::Ptr => "PTR",
        Kind::Array => "ARRAY",
        Kind::Struct => "STRUCT",
        Kind::Union => "UNION",
        Kind::Enum => "ENUM",
        Kind::Fwd => "FWD",
        Kind::Typedef => "TYPEDEF",
        Kind::Volatile => "VOLATILE",
        Kind::Const => "CONST",
        Kind::Restrict => "RESTRICT",
        Kind::Func => "FUNC",
        Kind::FuncProto => "FUNC_PROTO",
        Kind::Var => "VAR",
        Kind::Datasec => "DATASEC",
        Kind::Float => "FLOAT",
        Kind::DeclTag => "DECL_TAG",
        Kind::TypeTag => "TYPE_TAG",
        Kind::Enum64 => "ENUM64",
    }
}
