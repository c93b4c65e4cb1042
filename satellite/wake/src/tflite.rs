//! The tables of a TensorFlow Lite file that this crate reads, over the `flatbuffers` library.
//!
//! Field numbers are those of TensorFlow's `schema.fbs` (version 3), where field `n` of a table lies in slot
//! `4 + 2n`. Each table is verified before it is read: the whole tree when the file is opened, an operator's
//! options when they are asked for, since their type depends on the operator.
//!
//! Deliberately absent: fields nobody here reads, writing, and files whose weights lie outside the tables
//! (those over 2 GB).

use flatbuffers::{
    Follow, ForwardsUOffset, InvalidFlatbuffer, Table, Vector, Verifiable, Verifier, VerifierOptions,
};

/// A vector of numbers, and a vector of tables.
type Numbers<'a, T> = ForwardsUOffset<Vector<'a, T>>;
type Tables<'a, T> = ForwardsUOffset<Vector<'a, ForwardsUOffset<T>>>;

/// Declares a table with accessors; a field that the file leaves out is its default, or `None` where there
/// is no default.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $n:literal $(, or $default:expr)?;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name<'a>(Table<'a>);

        impl<'a> Follow<'a> for $name<'a> {
            type Inner = Self;
            unsafe fn follow(buf: &'a [u8], loc: usize) -> Self {
                // SAFETY: the caller promises that a verified table of this kind lies at `loc`.
                $name(unsafe { Table::new(buf, loc) })
            }
        }

        impl<'a> Verifiable for $name<'a> {
            fn run_verifier(v: &mut Verifier, pos: usize) -> Result<(), InvalidFlatbuffer> {
                v.visit_table(pos)?
                    $(.visit_field::<$type>(stringify!($field), 4 + 2 * $n, false)?)*
                    .finish();
                Ok(())
            }
        }

        impl<'a> $name<'a> {
            $(table!{@get $field: $type = $n $(, or $default)?})*
        }
    };
    (@get $field:ident: $type:ty = $n:literal) => {
        pub fn $field(&self) -> Option<<$type as Follow<'a>>::Inner> {
            // SAFETY: `run_verifier` has checked that this slot, where present, holds this type.
            unsafe { self.0.get::<$type>(4 + 2 * $n, None) }
        }
    };
    (@get $field:ident: $type:ty = $n:literal, or $default:expr) => {
        pub fn $field(&self) -> $type {
            // SAFETY: as above.
            unsafe { self.0.get::<$type>(4 + 2 * $n, None) }.unwrap_or($default)
        }
    };
}

table!(Model {
    version: u32 = 0, or 0;
    operator_codes: Tables<'a, OperatorCode<'a>> = 1;
    subgraphs: Tables<'a, SubGraph<'a>> = 2;
    buffers: Tables<'a, Buffer<'a>> = 4;
});
table!(
    /// Which operator. Files written before 2020 use the 8-bit field only, so the larger one counts.
    OperatorCode {
        short_code: i8 = 0, or 0;
        code: i32 = 3, or 0;
    }
);
table!(SubGraph {
    tensors: Tables<'a, Tensor<'a>> = 0;
    inputs: Numbers<'a, i32> = 1;
    outputs: Numbers<'a, i32> = 2;
    operators: Tables<'a, Operator<'a>> = 3;
});
table!(Tensor {
    shape: Numbers<'a, i32> = 0;
    kind: i8 = 1, or 0;
    buffer: u32 = 2, or 0;
    quantization: ForwardsUOffset<Quantization<'a>> = 4;
});
table!(Quantization {
    scale: Numbers<'a, f32> = 2;
    zero_point: Numbers<'a, i64> = 3;
});
table!(Operator {
    opcode_index: u32 = 0, or 0;
    inputs: Numbers<'a, i32> = 1;
    outputs: Numbers<'a, i32> = 2;
    options_kind: u8 = 3, or 0;
});
table!(Buffer {
    data: Numbers<'a, u8> = 0;
});

/// Options of one kind of operator; `KIND` is their number in the schema's `BuiltinOptions` union.
pub(crate) trait Options {
    const KIND: u8;
}
macro_rules! options {
    ($kind:literal $name:ident { $($fields:tt)* }) => {
        table!($name { $($fields)* });
        impl Options for $name<'_> {
            const KIND: u8 = $kind;
        }
    };
}

options!(1 Conv2D {
    padding: i8 = 0, or 0;
    stride_h: i32 = 2, or 0;
    activation: i8 = 3, or 0;
    dilation_w: i32 = 4, or 1;
    dilation_h: i32 = 5, or 1;
});
options!(2 DepthwiseConv2D {
    padding: i8 = 0, or 0;
    stride_h: i32 = 2, or 0;
    depth_multiplier: i32 = 3, or 0;
    activation: i8 = 4, or 0;
    dilation_w: i32 = 5, or 1;
    dilation_h: i32 = 6, or 1;
});
options!(8 FullyConnected {
    activation: i8 = 0, or 0;
    weights_format: i8 = 1, or 0;
});
options!(10 Concatenation {
    axis: i32 = 0, or 0;
    activation: i8 = 1, or 0;
});
options!(32 StridedSlice {
    begin_mask: i32 = 0, or 0;
    end_mask: i32 = 1, or 0;
    ellipsis_mask: i32 = 2, or 0;
    new_axis_mask: i32 = 3, or 0;
    shrink_axis_mask: i32 = 4, or 0;
    offset: bool = 5, or false;
});
options!(79 SplitV {
    num_splits: i32 = 0, or 0;
});
options!(103 CallOnce {
    subgraph: i32 = 0, or 0;
});
options!(111 VarHandle {
    shared_name: ForwardsUOffset<&'a str> = 1;
});

impl OperatorCode<'_> {
    pub fn number(&self) -> i32 {
        self.code().max(i32::from(self.short_code()))
    }
}

impl<'a> Operator<'a> {
    /// The operator's options; `None` if the file gives none, or another operator's, or broken ones.
    pub fn options<T: Options + Verifiable + Follow<'a, Inner = T>>(&self) -> Option<T> {
        if self.options_kind() != T::KIND {
            return None;
        }
        let offset = usize::from(self.0.vtable().get(4 + 2 * 4));
        if offset == 0 {
            return None;
        }
        let at = self.0.loc() + offset;
        let limits = VerifierOptions::default();
        ForwardsUOffset::<T>::run_verifier(&mut Verifier::new(&limits, self.0.buf()), at).ok()?;
        // SAFETY: verified on the line above.
        Some(unsafe { ForwardsUOffset::<T>::follow(self.0.buf(), at) })
    }
}

/// The file's model, its tables verified; `None` if it has another format's mark.
pub(crate) fn open(file: &[u8]) -> Result<Option<Model<'_>>, InvalidFlatbuffer> {
    if file.get(4..8) != Some(b"TFL3") {
        return Ok(None);
    }
    // A microWakeWord model has about 250 tables.
    let limits = VerifierOptions { max_depth: 16, max_tables: 10_000, ..VerifierOptions::default() };
    flatbuffers::root_with_opts::<Model>(&limits, file).map(Some)
}

/// The numbers of a vector; none where the file leaves it out.
pub(crate) fn numbers<'a, T: Follow<'a> + 'a>(vector: Option<Vector<'a, T>>) -> Vec<T::Inner> {
    vector.map(|v| v.iter().collect()).unwrap_or_default()
}
