//! One key and its value in one allocation, owned by one word.
//!
//! ```text
//! word   63 … 56 tag | 55 … 48 meta | 47 … 0 address
//! meta   modified 1 bit | has deadline 1 bit | kind 4 bits
//! bytes  access 3 | key length 1-5 | value length 1-5 | deadline 8, if any | key | value
//! ```
//!
//! A key of 11 bytes with a value of 64 is 3 + 1 + 1 + 11 + 64 = 80 bytes,
//! which is a size class of the allocator: nothing is lost. An integer is 8
//! bytes, little endian. A text longer than `INLINE_MAX` is a `Box<LongText>`
//! whose address is the value: appending to it copies neither key nor text. A
//! compound, whatever `C` is, stands there itself, behind as many bytes as its
//! alignment asks for.
//!
//! The word is not zero, so an empty lane of a bucket is eight zero bytes.
//! The allocation has the size of its class. A value of the same length is
//! written over the one before.
//!
//! Invariants: the address belongs to this `Entry` alone, was allocated with
//! `layout()`, and holds what the meta byte and the two lengths say.
#![expect(
    unsafe_code,
    reason = "lengths, key and value share one allocation without a header type"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::num::NonZeroU64;
use std::ptr;
use std::slice;

use super::class_bytes;
use super::content::{Content, Marks, NewValue};
use super::long_text::LongText;
use super::shape::{ALIGN, Kind, Shape, write_length};

/// The longest text kept beside its key, in bytes.
pub const INLINE_MAX: usize = 1024;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: u64 = (1 << ADDRESS_BITS) - 1;
const META_SHIFT: u32 = 48;
const TAG_SHIFT: u32 = 56;
const KIND_MASK: u8 = 0b1111;
const HAS_DEADLINE: u8 = 1 << 4;
const MODIFIED: u8 = 1 << 5;
const ACCESS_BYTES: usize = 3;
const DEADLINE_BYTES: usize = 8;

/// A key and its value. One word wide, and so is `Option<Entry>`. `C` is what
/// a value of many elements is.
#[repr(transparent)]
pub struct Entry<C>(NonZeroU64, PhantomData<Box<C>>);

const _: () = assert!(size_of::<Option<Entry<String>>>() == 8);

impl<C> std::fmt::Debug for Entry<C> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Entry")
            .field(&String::from_utf8_lossy(self.key()))
            .finish()
    }
}

impl<C> Entry<C> {
    /// Allocates an entry; `tag` is what a bucket compares first.
    pub fn new(tag: u8, key: &[u8], value: NewValue<'_, C>, marks: Marks) -> Self {
        match value {
            NewValue::Int(number) => Self::build(tag, Kind::Int, key, &number.to_le_bytes(), marks),
            NewValue::Text(text) if text.len() <= INLINE_MAX => {
                Self::build(tag, Kind::Text, key, text, marks)
            }
            NewValue::Text(text) => Self::boxed(tag, key, text.to_vec().into(), marks),
            NewValue::Owned(text) if text.len() <= INLINE_MAX => {
                Self::build(tag, Kind::Text, key, &text, marks)
            }
            NewValue::Owned(text) => Self::boxed(tag, key, text, marks),
            NewValue::Compound(compound) => Self::compound(tag, key, compound, marks),
        }
    }

    /// An entry whose value is the address of `text`.
    fn boxed(tag: u8, key: &[u8], text: LongText, marks: Marks) -> Self {
        let address = Box::into_raw(Box::new(text)).expose_provenance() as u64;
        Self::build(tag, Kind::Boxed, key, &address.to_le_bytes(), marks)
    }

    /// An entry that `compound` moves into.
    fn compound(tag: u8, key: &[u8], compound: C, marks: Marks) -> Self {
        const {
            assert!(
                align_of::<C>() <= ALIGN,
                "an entry begins where a compound can"
            )
        };
        let compound = ManuallyDrop::new(compound);
        let from: *const C = &raw const *compound;
        // SAFETY: these are the compound's bytes, some of which may be padding.
        // It is not dropped here: the entry they are copied to owns it.
        let bytes = unsafe { slice::from_raw_parts(from.cast(), size_of::<C>()) };
        Self::lay_out(tag, Kind::Compound, key, bytes, marks)
    }

    fn build(tag: u8, kind: Kind, key: &[u8], value: &[u8], marks: Marks) -> Self {
        Self::lay_out(tag, kind, key, maybe_uninit(value), marks)
    }

    /// The one place that lays an entry out.
    fn lay_out(tag: u8, kind: Kind, key: &[u8], value: &[MaybeUninit<u8>], marks: Marks) -> Self {
        let mut head = [0; ACCESS_BYTES + 5 + 5 + DEADLINE_BYTES];
        head[..ACCESS_BYTES].copy_from_slice(&marks.access.to_le_bytes()[..ACCESS_BYTES]);
        let mut at = write_length(&mut head, ACCESS_BYTES, key.len());
        at = write_length(&mut head, at, value.len());
        let mut meta = kind as u8;
        if marks.is_modified {
            meta |= MODIFIED;
        }
        if let Some(deadline) = marks.deadline {
            meta |= HAS_DEADLINE;
            head[at..at + DEADLINE_BYTES].copy_from_slice(&deadline.to_le_bytes());
            at += DEADLINE_BYTES;
        }
        let shape = Shape::new(kind, at, key.len(), value.len());
        let bytes = allocate(shape.layout());
        // SAFETY: fresh memory of `total` bytes, and the head is `key_at` long.
        unsafe { ptr::copy_nonoverlapping(head.as_ptr(), bytes, at) };
        // SAFETY: `key_at` is inside the allocation.
        let key_to = unsafe { bytes.add(at) };
        // SAFETY: `key_len` bytes follow there, and fresh memory overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(key.as_ptr(), key_to, key.len()) };
        // SAFETY: `value_at` is inside the allocation, or one past it.
        let value_to = unsafe { bytes.add(shape.value_at) };
        // SAFETY: `value_len` bytes follow there, and fresh memory overlaps nothing.
        unsafe { ptr::copy_nonoverlapping(value.as_ptr().cast(), value_to, value.len()) };
        let above = u64::from(tag) << TAG_SHIFT | u64::from(meta) << META_SHIFT;
        Self::at(bytes, above)
    }

    /// The entry of an allocation; `above` is what its word says beside the address.
    fn at(bytes: *mut u8, above: u64) -> Self {
        let address = bytes.expose_provenance() as u64;
        assert!(address >> ADDRESS_BITS == 0, "user space ends below 2^48");
        let word = NonZeroU64::new(above | address);
        let word = word.expect("an allocation is not at address zero");
        Self(word, PhantomData)
    }

    #[inline]
    fn bytes_at(&self) -> *mut u8 {
        let address = self.0.get() & ADDRESS_MASK;
        ptr::with_exposed_provenance_mut(address as usize)
    }

    #[inline]
    fn meta(&self) -> u8 {
        (self.0.get() >> META_SHIFT) as u8
    }

    #[inline]
    fn kind(&self) -> Kind {
        match self.meta() & KIND_MASK {
            1 => Kind::Int,
            2 => Kind::Text,
            3 => Kind::Boxed,
            _ => Kind::Compound,
        }
    }

    fn set_meta(&mut self, meta: u8) {
        let word = self.0.get() & !(0xff << META_SHIFT) | u64::from(meta) << META_SHIFT;
        self.0 = NonZeroU64::new(word).expect("the address is not zero");
    }

    /// The whole word, for comparing tags without touching the entry.
    #[inline]
    pub(super) fn word(&self) -> u64 {
        self.0.get()
    }

    /// The entry of a word.
    ///
    /// # Safety
    /// The word is that of an entry which lives as long as this one is used,
    /// and only one of the two is dropped.
    #[inline]
    pub(super) unsafe fn from_word(word: u64) -> Self {
        let word = NonZeroU64::new(word).expect("an entry's word is not zero");
        Self(word, PhantomData)
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.slice(at, 1)[0]
    }

    #[inline]
    fn length(&self, at: &mut usize) -> usize {
        let first = self.byte(*at);
        *at += 1;
        if first < 0x80 {
            return usize::from(first);
        }
        let mut length = usize::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let next = self.byte(*at);
            *at += 1;
            length |= usize::from(next & 0x7f) << shift;
            shift += 7;
            if next < 0x80 {
                return length;
            }
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let mut at = ACCESS_BYTES;
        let key_len = self.length(&mut at);
        let value_len = self.length(&mut at);
        if self.has_deadline() {
            at += DEADLINE_BYTES;
        }
        Shape::new(self.kind(), at, key_len, value_len)
    }

    #[inline]
    fn slice(&self, at: usize, len: usize) -> &[u8] {
        // SAFETY: `at` and `len` come from `shape`, so they are in bounds.
        let from = unsafe { self.bytes_at().add(at) };
        // SAFETY: `build` wrote these bytes, and `&self` keeps them unchanged.
        unsafe { slice::from_raw_parts(from, len) }
    }

    fn slice_mut(&mut self, at: usize, len: usize) -> &mut [u8] {
        // SAFETY: callers pass ranges inside the head or those of `shape`.
        let from = unsafe { self.bytes_at().add(at) };
        // SAFETY: `build` wrote these bytes, and `&mut self` is their only user.
        unsafe { slice::from_raw_parts_mut(from, len) }
    }

    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        self.slice(shape.key_at, shape.key_len)
    }

    #[inline]
    pub fn content(&self) -> Content<'_, C> {
        let shape = self.shape();
        let value = || self.slice(shape.value_at, shape.value_len);
        match self.kind() {
            Kind::Text => Content::Text(value()),
            Kind::Int => Content::Int(i64::from_le_bytes(eight(value()))),
            Kind::Boxed => {
                let text: *const LongText = address_in(value());
                // SAFETY: `boxed` put the address of a text there that this
                // entry owns, and `&self` keeps it unchanged.
                Content::Text(unsafe { &*text })
            }
            Kind::Compound => {
                // SAFETY: `compound` put a `C` there, and `&self` keeps it
                // unchanged.
                Content::Compound(unsafe { &*self.compound_at() })
            }
        }
    }

    /// The long text to edit in place; `None` for an integer or a short text.
    pub fn long_text_mut(&mut self) -> Option<&mut LongText> {
        if self.kind() == Kind::Boxed {
            self.set_meta(self.meta() | MODIFIED);
        }
        self.text_of_cut()
    }

    /// The long text, of which a cut is made or walked; `None` for the other kinds.
    pub fn text_of_cut(&mut self) -> Option<&mut LongText> {
        if self.kind() != Kind::Boxed {
            return None;
        }
        let text: *mut LongText = address_in(self.value_bytes());
        // SAFETY: this entry owns the text, and `&mut self` is its only user.
        Some(unsafe { &mut *text })
    }

    /// The long text; `None` for the other kinds.
    pub fn long_text(&self) -> Option<&LongText> {
        if self.kind() != Kind::Boxed {
            return None;
        }
        let text: *const LongText = address_in(self.value_bytes());
        // SAFETY: as in `content`.
        Some(unsafe { &*text })
    }

    /// Whether the value owns something beside the entry.
    #[inline]
    pub fn is_owner(&self) -> bool {
        self.kind().is_owner()
    }

    #[inline]
    pub fn is_compound(&self) -> bool {
        self.kind() == Kind::Compound
    }

    /// The compound to change in place; `None` for the other kinds.
    #[inline]
    pub fn compound_mut(&mut self) -> Option<&mut C> {
        if self.kind() != Kind::Compound {
            return None;
        }
        // SAFETY: `compound` put it there, and `&mut self` is its only user.
        Some(unsafe { &mut *self.compound_at() })
    }

    /// Where a compound stands: aligned, because the entry and its place in
    /// it are.
    #[inline]
    fn compound_at(&self) -> *mut C {
        self.bytes_at().wrapping_add(self.shape().value_at).cast()
    }

    fn value_bytes(&self) -> &[u8] {
        let shape = self.shape();
        self.slice(shape.value_at, shape.value_len)
    }

    #[inline]
    pub fn has_deadline(&self) -> bool {
        self.meta() & HAS_DEADLINE != 0
    }

    /// Unix milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        if !self.has_deadline() {
            return None;
        }
        let key_at = self.shape().key_at;
        let bytes = self.slice(key_at - DEADLINE_BYTES, DEADLINE_BYTES);
        Some(u64::from_le_bytes(eight(bytes)))
    }

    /// Whether the value was edited in place.
    pub fn is_modified(&self) -> bool {
        self.meta() & MODIFIED != 0
    }

    #[inline]
    pub fn access(&self) -> u32 {
        u32::from_le_bytes([self.byte(0), self.byte(1), self.byte(2), 0])
    }

    #[inline]
    pub fn set_access(&mut self, access: u32) {
        self.slice_mut(0, ACCESS_BYTES)
            .copy_from_slice(&access.to_le_bytes()[..ACCESS_BYTES]);
    }

    fn marks(&self) -> Marks {
        Marks {
            deadline: self.deadline(),
            access: self.access(),
            is_modified: self.is_modified(),
        }
    }

    fn tag(&self) -> u8 {
        (self.0.get() >> TAG_SHIFT) as u8
    }

    /// Sets or clears the deadline. Moves the entry only when the eight bytes
    /// have to appear or disappear; a long text never moves.
    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        if let (Some(deadline), true) = (deadline, self.has_deadline()) {
            let key_at = self.shape().key_at;
            self.slice_mut(key_at - DEADLINE_BYTES, DEADLINE_BYTES)
                .copy_from_slice(&deadline.to_le_bytes());
            return;
        }
        if deadline.is_none() && !self.has_deadline() {
            return;
        }
        let marks = Marks {
            deadline,
            ..self.marks()
        };
        let shape = self.shape();
        let value_from = self.bytes_at().wrapping_add(shape.value_at);
        // SAFETY: the value's bytes, of a compound some of them padding.
        let value: &[MaybeUninit<u8>] =
            unsafe { slice::from_raw_parts(value_from.cast(), shape.value_len) };
        let moved = Self::lay_out(self.tag(), self.kind(), self.key(), value, marks);
        // The value bytes of a long text are its address, those of a compound
        // the compound, and `moved` owns it now: only the old allocation goes.
        let old = ManuallyDrop::new(std::mem::replace(self, moved));
        old.free_bytes();
    }

    /// Puts another value behind the same key.
    pub fn replace(&mut self, value: NewValue<'_, C>, marks: Marks) {
        let number;
        let inline: Option<(Kind, &[u8])> = match &value {
            NewValue::Int(int) => {
                number = int.to_le_bytes();
                Some((Kind::Int, &number))
            }
            NewValue::Text(text) if text.len() <= INLINE_MAX => Some((Kind::Text, text)),
            NewValue::Text(_) | NewValue::Owned(_) | NewValue::Compound(_) => None,
        };
        if let Some((kind, bytes)) = inline
            && self.write_in_place(kind, bytes, marks)
        {
            return;
        }
        drop(self.exchange(value, marks));
    }

    /// Puts another value behind the same key and hands out the old one.
    pub(super) fn exchange(&mut self, value: NewValue<'_, C>, marks: Marks) -> Self {
        let new = Self::new(self.tag(), self.key(), value, marks);
        std::mem::replace(self, new)
    }

    /// Overwrites the value where it is, if neither its length nor the
    /// presence of a deadline changes.
    #[inline]
    fn write_in_place(&mut self, kind: Kind, value: &[u8], marks: Marks) -> bool {
        let shape = self.shape();
        if self.kind().is_owner()
            || shape.value_len != value.len()
            || self.has_deadline() != marks.deadline.is_some()
        {
            return false;
        }
        self.slice_mut(shape.value_at, shape.value_len)
            .copy_from_slice(value);
        let mut meta = kind as u8;
        if marks.is_modified {
            meta |= MODIFIED;
        }
        if let Some(deadline) = marks.deadline {
            meta |= HAS_DEADLINE;
            self.slice_mut(shape.key_at - DEADLINE_BYTES, DEADLINE_BYTES)
                .copy_from_slice(&deadline.to_le_bytes());
        }
        self.set_meta(meta);
        self.set_access(marks.access);
        true
    }

    /// The long text itself, without a copy; `None` for the other kinds.
    pub fn into_long_text(self) -> Result<LongText, Self> {
        if self.kind() != Kind::Boxed {
            return Err(self);
        }
        let old = ManuallyDrop::new(self);
        let text: *mut LongText = address_in(old.value_bytes());
        old.free_bytes();
        // SAFETY: `boxed` made it with `Box::into_raw`; the entry that owned
        // it is gone, so it is taken back once.
        Ok(*unsafe { Box::from_raw(text) })
    }

    /// The compound itself, without a copy; `None` for the other kinds.
    pub fn into_compound(self) -> Result<C, Self> {
        if self.kind() != Kind::Compound {
            return Err(self);
        }
        let old = ManuallyDrop::new(self);
        // SAFETY: `compound` put it there, and it is moved out once: the entry
        // is not dropped.
        let compound = unsafe { ptr::read(old.compound_at()) };
        old.free_bytes();
        Ok(compound)
    }

    /// Bytes the allocator sets aside for this entry and its value, without
    /// what a compound holds.
    pub fn allocated_bytes(&self) -> usize {
        let own = self.shape().layout().size();
        match self.long_text() {
            Some(text) => own + class_bytes(size_of::<LongText>()) + class_bytes(text.capacity()),
            None => own,
        }
    }

    /// Frees the entry's own allocation, not what its value points to. The
    /// caller holds the entry in a `ManuallyDrop` and does not use it again.
    fn free_bytes(&self) {
        let layout = self.shape().layout();
        // SAFETY: `build` allocated it with this layout, and no caller reads
        // or drops the entry afterwards (see above).
        unsafe { dealloc(self.bytes_at(), layout) };
    }

    /// Asks the processor to fetch the entry's first two lines.
    #[inline]
    pub(super) fn prefetch(&self) {
        super::prefetch::line(self.bytes_at());
        super::prefetch::line(self.bytes_at().wrapping_add(64));
    }
}

impl<C> Drop for Entry<C> {
    #[inline]
    fn drop(&mut self) {
        match self.kind() {
            Kind::Int | Kind::Text => {}
            Kind::Boxed => {
                let text: *mut LongText = address_in(self.value_bytes());
                // SAFETY: `boxed` made it with `Box::into_raw`, and only this
                // entry owns it.
                drop(unsafe { Box::from_raw(text) });
            }
            Kind::Compound => {
                // SAFETY: `compound` put it there, and it is dropped once.
                unsafe { ptr::drop_in_place(self.compound_at()) };
            }
        }
        self.free_bytes();
    }
}

/// A copy of an element: its bytes as they are, and the text that they may point to.
impl Clone for Entry<Infallible> {
    #[inline]
    fn clone(&self) -> Self {
        if let Some(text) = self.long_text() {
            return Self::boxed(self.tag(), self.key(), text.clone(), self.marks());
        }
        let shape = self.shape();
        let bytes = allocate(shape.layout());
        // SAFETY: both allocations have `total` bytes, the other's are all written, and fresh
        // memory overlaps nothing. They own nothing: a text is dealt with above, and no
        // compound can be.
        unsafe { ptr::copy_nonoverlapping(self.bytes_at(), bytes, shape.total()) };
        Self::at(bytes, self.0.get() & !ADDRESS_MASK)
    }
}

/// Memory for an entry, which is at least the five bytes of a head.
#[inline]
fn allocate(layout: Layout) -> *mut u8 {
    // SAFETY: the size is not zero.
    let bytes = unsafe { alloc(layout) };
    if bytes.is_null() {
        handle_alloc_error(layout);
    }
    bytes
}

/// Bytes that are all there, as those that may not be.
#[inline]
fn maybe_uninit(bytes: &[u8]) -> &[MaybeUninit<u8>] {
    // SAFETY: `MaybeUninit<u8>` is laid out as `u8`, and nobody writes here.
    unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

#[inline]
fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().expect("numbers are stored in eight bytes")
}

/// The address that the entry of a long text holds as its value.
#[inline]
fn address_in<T>(value: &[u8]) -> *mut T {
    ptr::with_exposed_provenance_mut(u64::from_le_bytes(eight(value)) as usize)
}
