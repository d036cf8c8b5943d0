// SPDX-License-Identifier: GPL-2.0-only
//! Views of types and of what is in them.
//!
//! [`Btf::parse`](super::Btf::parse) has checked that records are whole, that type numbers exist
//! and that name offsets lie in the strings, so none of these can fail.

use crate::btf::table::Btf;

/// `BTF_KIND_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `void`, and kinds newer than 7.3 whose layout the object describes.
    Unkn = 0,
    /// Integer, character or boolean.
    Int = 1,
    /// Pointer.
    Ptr = 2,
    /// Array.
    Array = 3,
    /// Structure.
    Struct = 4,
    /// Union.
    Union = 5,
    /// Enumeration of up to 32 bits.
    Enum = 6,
    /// Forward declaration; kind_flag set means of a union.
    Fwd = 7,
    /// Typedef.
    Typedef = 8,
    /// `volatile`
    Volatile = 9,
    /// `const`
    Const = 10,
    /// `restrict`
    Restrict = 11,
    /// Function; its type is a [`Kind::FuncProto`].
    Func = 12,
    /// Function prototype.
    FuncProto = 13,
    /// Variable.
    Var = 14,
    /// ELF section of variables.
    Datasec = 15,
    /// Floating point.
    Float = 16,
    /// `btf_decl_tag` attribute.
    DeclTag = 17,
    /// `btf_type_tag` attribute.
    TypeTag = 18,
    /// Enumeration of 64 bits.
    Enum64 = 19,
}

impl Kind {
    const ALL: [Self; 20] = [
        Self::Unkn,
        Self::Int,
        Self::Ptr,
        Self::Array,
        Self::Struct,
        Self::Union,
        Self::Enum,
        Self::Fwd,
        Self::Typedef,
        Self::Volatile,
        Self::Const,
        Self::Restrict,
        Self::Func,
        Self::FuncProto,
        Self::Var,
        Self::Datasec,
        Self::Float,
        Self::DeclTag,
        Self::TypeTag,
        Self::Enum64,
    ];

    pub(super) fn from_info(info: u32) -> Option<Self> {
        Self::ALL.get((info >> 24 & 0x7f) as usize).copied()
    }

    /// `const`, `volatile`, `restrict`, a type tag: the kernel's `btf_type_is_modifier()` and,
    /// with typedefs, libbpf's `btf_is_mod()`.
    pub fn is_modifier(self) -> bool {
        matches!(
            self,
            Self::Volatile | Self::Const | Self::Restrict | Self::TypeTag
        )
    }
}

/// One type. Copying it is copying a pointer.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    btf: &'a Btf,
    id: u32,
    /// `struct btf_type` (name_off, info, size or type), then what the kind adds.
    pub(super) words: &'a [u32],
}

impl<'a> Type<'a> {
    pub(super) fn new(btf: &'a Btf, id: u32, words: &'a [u32]) -> Self {
        Self { btf, id, words }
    }

    pub(super) fn void(btf: &'a Btf) -> Self {
        Self::new(btf, 0, &[0, 0, 0])
    }

    /// Its number.
    pub fn id(self) -> u32 {
        self.id
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        Kind::from_info(self.words[1]).unwrap_or(Kind::Unkn)
    }

    /// Its name; empty when it has none.
    pub fn name(self) -> &'a str {
        self.btf.str_at(self.words[0]).unwrap_or("")
    }

    /// Offset of its name in the strings.
    pub fn name_off(self) -> u32 {
        self.words[0]
    }

    /// Number of members, parameters, enumerators or variables; for a function its linkage.
    pub fn vlen(self) -> u32 {
        self.words[1] & 0xff_ffff
    }

    /// `kind_flag`: bitfield sizes (struct), signed (enum), of a union (fwd), an attribute (tags).
    pub fn kflag(self) -> bool {
        self.words[1] >> 31 != 0
    }

    /// The size field in bytes: of an integer, float, structure, union, enumeration or datasec.
    /// For any type there is [`Btf::resolve_size`].
    pub fn size(self) -> u32 {
        self.words[2]
    }

    /// The type field: what a pointer, modifier, typedef, function, variable or tag refers to, and
    /// what a prototype returns.
    pub fn type_id(self) -> u32 {
        self.words[2]
    }

    /// Encoding and width of an integer.
    pub fn int(self) -> Option<IntEncoding> {
        (self.kind() == Kind::Int).then(|| IntEncoding(self.words[3]))
    }

    /// Element type, index type and number of elements.
    pub fn array(self) -> Option<Array> {
        (self.kind() == Kind::Array).then(|| Array {
            type_id: self.words[3],
            index_type_id: self.words[4],
            nelems: self.words[5],
        })
    }

    /// Whether it is a structure or union.
    pub fn is_composite(self) -> bool {
        matches!(self.kind(), Kind::Struct | Kind::Union)
    }

    /// Whether it is an enumeration of either kind.
    pub fn is_any_enum(self) -> bool {
        matches!(self.kind(), Kind::Enum | Kind::Enum64)
    }

    /// Members of a structure or union; nothing for other kinds.
    pub fn members(self) -> impl ExactSizeIterator<Item = Member<'a>> + Clone {
        let kflag = self.kflag();
        self.records(self.is_composite(), 3)
            .map(move |words| Member {
                btf: self.btf,
                words,
                kflag,
            })
    }

    /// Parameters of a prototype; nothing for other kinds.
    pub fn params(self) -> impl ExactSizeIterator<Item = Param<'a>> + Clone {
        self.records(self.kind() == Kind::FuncProto, 2)
            .map(move |words| Param {
                btf: self.btf,
                words,
            })
    }

    /// Enumerators of an enumeration of either kind; nothing for other kinds.
    pub fn enumerators(self) -> impl ExactSizeIterator<Item = Enumerator<'a>> + Clone {
        let stride = if self.kind() == Kind::Enum64 { 3 } else { 2 };
        let signed = self.kflag();
        self.records(self.is_any_enum(), stride)
            .map(move |words| Enumerator {
                btf: self.btf,
                words,
                signed,
            })
    }

    /// Variables of a datasec; nothing for other kinds.
    pub fn var_secinfos(self) -> impl ExactSizeIterator<Item = VarSecinfo> + Clone {
        self.records(self.kind() == Kind::Datasec, 3)
            .map(|words| VarSecinfo {
                type_id: words[0],
                offset: words[1],
                size: words[2],
            })
    }

    /// Linkage of a function or variable.
    pub fn linkage(self) -> Option<Linkage> {
        match self.kind() {
            Kind::Func => Linkage::from_u32(self.vlen()),
            Kind::Var => Linkage::from_u32(self.words[3]),
            _ => None,
        }
    }

    /// Of a decl tag: which member or parameter it is on, -1 for the declaration itself.
    pub fn component_idx(self) -> Option<i32> {
        (self.kind() == Kind::DeclTag).then(|| self.words[3] as i32)
    }

    fn records(self, right_kind: bool, stride: usize) -> std::slice::ChunksExact<'a, u32> {
        let words = if right_kind { &self.words[3..] } else { &[] };
        words.chunks_exact(stride)
    }
}

impl std::fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {:?} '{}'", self.id, self.kind(), self.name())
    }
}

/// What follows a [`Kind::Int`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntEncoding(u32);

impl IntEncoding {
    /// `BTF_INT_SIGNED`
    pub fn signed(self) -> bool {
        self.0 >> 24 & 1 != 0
    }

    /// `BTF_INT_CHAR`
    pub fn char(self) -> bool {
        self.0 >> 25 & 1 != 0
    }

    /// `BTF_INT_BOOL`
    pub fn bool(self) -> bool {
        self.0 >> 26 & 1 != 0
    }

    /// `BTF_INT_OFFSET`, in bits.
    pub fn offset(self) -> u32 {
        self.0 >> 16 & 0xff
    }

    /// `BTF_INT_BITS`
    pub fn bits(self) -> u32 {
        self.0 & 0xff
    }
}

/// `struct btf_array`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// Type of an element.
    pub type_id: u32,
    /// Type of the index.
    pub index_type_id: u32,
    /// Number of elements.
    pub nelems: u32,
}

/// `struct btf_member`.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    btf: &'a Btf,
    words: &'a [u32],
    kflag: bool,
}

impl<'a> Member<'a> {
    /// Its name; empty for an anonymous structure or union.
    pub fn name(self) -> &'a str {
        self.btf.str_at(self.words[0]).unwrap_or("")
    }

    /// Offset of its name among the strings; 0 for none.
    pub fn name_off(self) -> u32 {
        self.words[0]
    }

    /// Its type.
    pub fn type_id(self) -> u32 {
        self.words[1]
    }

    /// Offset from the start of the structure, in bits.
    pub fn bit_offset(self) -> u32 {
        if self.kflag {
            self.words[2] & 0xff_ffff
        } else {
            self.words[2]
        }
    }

    /// Width of a bitfield in bits; 0 when it is none.
    pub fn bitfield_size(self) -> u32 {
        if self.kflag { self.words[2] >> 24 } else { 0 }
    }
}

/// `struct btf_param`.
#[derive(Debug, Clone, Copy)]
pub struct Param<'a> {
    btf: &'a Btf,
    words: &'a [u32],
}

impl<'a> Param<'a> {
    /// Its name, which may be empty.
    pub fn name(self) -> &'a str {
        self.btf.str_at(self.words[0]).unwrap_or("")
    }

    /// Offset of its name among the strings; 0 for none.
    pub fn name_off(self) -> u32 {
        self.words[0]
    }

    /// Its type; 0 as the last one means `...`.
    pub fn type_id(self) -> u32 {
        self.words[1]
    }
}

/// `struct btf_enum` or `struct btf_enum64`.
#[derive(Debug, Clone, Copy)]
pub struct Enumerator<'a> {
    btf: &'a Btf,
    words: &'a [u32],
    signed: bool,
}

impl<'a> Enumerator<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        self.btf.str_at(self.words[0]).unwrap_or("")
    }

    /// Its value as 64 bits; a 32-bit one is sign-extended if the enumeration is signed.
    pub fn value(self) -> u64 {
        match (self.words, self.signed) {
            (&[_, low, high], _) => u64::from(high) << 32 | u64::from(low),
            (&[_, low], true) => low as i32 as u64,
            (&[_, low], false) => u64::from(low),
            _ => 0,
        }
    }
}

/// `struct btf_var_secinfo`: where a variable lies in its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VarSecinfo {
    /// The VAR, or for externs a FUNC.
    pub type_id: u32,
    /// Offset from the start of the section in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

/// `BTF_VAR_*` and `enum btf_func_linkage`, which have the same values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Linkage {
    /// Known in its unit alone.
    Static = 0,
    /// Defined here, known everywhere.
    Global = 1,
    /// Defined elsewhere.
    Extern = 2,
}

impl Linkage {
    fn from_u32(value: u32) -> Option<Self> {
        [Self::Static, Self::Global, Self::Extern]
            .get(value as usize)
            .copied()
    }
}
