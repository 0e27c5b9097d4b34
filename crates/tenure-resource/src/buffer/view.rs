//! Typed views and byte views: which bytes of a buffer, seen as what.
//!
//! A view is plain data, 48 bytes, that stands in an object beside a reference to the buffer's object; it holds no bytes
//! and no pointer, so it can be kept wrongly but not followed wrongly. Each access compares the view's era with the
//! backing's, the end of the view with the length of the backing, and the index with the length of the view. For loops,
//! [`View::elements`] does the first two once. A view does not know which buffer it was made for: the object that holds
//! both does.

use std::cell::Cell;
use std::ops::RangeBounds;

use super::array_buffer::ArrayBuffer;
use super::backing::Backing;
use super::element::{Element, ElementType, Endian, Scalar, with_element_type};
use super::elements::{Elements, resolve};
use super::error::{BufferError, Origin, RangeError, ViewError, When};

/// The bytes of a buffer that a view covers, and the era in which it does.
#[derive(Debug, Clone, Copy)]
struct Span {
    offset_bytes: usize,
    /// The length, or [`TRACKING`].
    len_bytes: usize,
    era: u64,
    origin: Origin,
}

/// The length of a span that reaches to the end of the buffer, wherever that is. No buffer is so long: allocations end
/// at `isize::MAX` bytes.
const TRACKING: usize = usize::MAX;

impl Span {
    /// `origin` comes from the public function, so that it names the embedder's line.
    fn new(
        backing: &Backing,
        offset_bytes: usize,
        len_bytes: Option<usize>,
        era: u64,
        origin: Origin,
    ) -> Result<Span, ViewError> {
        let span = Span {
            offset_bytes,
            len_bytes: len_bytes.unwrap_or(TRACKING),
            era,
            origin,
        };
        match span.bytes(backing) {
            Some(_) => Ok(span),
            None => Err(span.refused(backing, None)),
        }
    }

    /// One compare for the era, two for the bounds.
    #[inline(always)]
    fn bytes(self, backing: &Backing) -> Option<&[Cell<u8>]> {
        if self.era != backing.era() {
            return None;
        }
        let bytes = backing.cells().get(self.offset_bytes..)?;
        if self.len_bytes == TRACKING {
            Some(bytes)
        } else {
            bytes.get(..self.len_bytes)
        }
    }

    #[inline(always)]
    fn expect(self, backing: &Backing) -> Result<&[Cell<u8>], ViewError> {
        match self.bytes(backing) {
            Some(bytes) => Ok(bytes),
            None => Err(self.refused(backing, Some(self.origin))),
        }
    }

    #[cold]
    #[inline(never)]
    fn refused(self, backing: &Backing, view: Option<Origin>) -> ViewError {
        if let Some(detachment) = backing.detachment(self.era) {
            return ViewError::Detached { view, detachment };
        }
        let len_bytes = if self.len_bytes == TRACKING { 0 } else { self.len_bytes };
        ViewError::OutOfBounds {
            view,
            offset_bytes: self.offset_bytes,
            end_bytes: self.offset_bytes.saturating_add(len_bytes),
            buffer_bytes: backing.len_bytes(),
            shrunk: backing.shrunk(),
        }
    }
}

#[cold]
#[inline(never)]
fn beyond(index: usize, len: usize) -> ViewError {
    ViewError::Range(RangeError {
        start: index,
        end: index.saturating_add(1),
        len,
    })
}

#[cold]
#[inline(never)]
fn wrong_type(given: ElementType, accepted: ElementType) -> ViewError {
    ViewError::ElementType { given, accepted }
}

/// A typed view of a buffer: elements of one type in the machine's order, at an offset that is a multiple of their size.
///
/// It stands in a kind as `Plain<View>`. Its length is fixed, or tracks the buffer's length; a view of fixed length that
/// a shrunk buffer does not reach has no elements until the buffer grows again.
///
/// ```
/// use tenure_resource::buffer::{ArrayBuffer, ElementType, View, ViewError};
///
/// let mut buffer = ArrayBuffer::resizable(8, 16)?;
/// let all = View::new(&buffer, ElementType::U16, 0, None, 0)?;
/// let last = View::new(&buffer, ElementType::U16, 6, Some(1), 0)?;
/// last.set::<u16>(&buffer, 0, 77)?;
/// assert_eq!(all.get::<u16>(&buffer, 3)?, 77);
///
/// buffer.resize(4, 1)?;
/// assert_eq!(all.len(&buffer)?, 2);
/// assert!(matches!(last.get::<u16>(&buffer, 0), Err(ViewError::OutOfBounds { .. })));
///
/// buffer.free(2)?;
/// let error = all.get::<u16>(&buffer, 0).unwrap_err();
/// assert!(error.to_string().contains("freed at"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct View {
    span: Span,
    element_type: ElementType,
}

impl View {
    /// Makes a view of `len` elements from byte `offset_bytes` on, or of as many as the buffer has at each access.
    ///
    /// `at` is a number of the caller's, which errors repeat together with the caller's place in the source.
    ///
    /// # Errors
    ///
    /// When the offset is no multiple of the element's size, when the view would not lie within the buffer, or when the
    /// buffer has lost its bytes.
    #[track_caller]
    pub fn new(
        backing: &Backing,
        element_type: ElementType,
        offset_bytes: usize,
        len: Option<usize>,
        at: impl When,
    ) -> Result<View, ViewError> {
        View::new_in(
            backing,
            backing.era_of_new_views(),
            element_type,
            offset_bytes,
            len,
            at.origin(),
        )
    }

    pub(crate) fn new_in(
        backing: &Backing,
        era: u64,
        element_type: ElementType,
        offset_bytes: usize,
        len: Option<usize>,
        origin: Origin,
    ) -> Result<View, ViewError> {
        let size_bytes = element_type.size_bytes();
        if !offset_bytes.is_multiple_of(size_bytes) {
            return Err(ViewError::Misaligned {
                offset_bytes,
                element_type,
            });
        }
        // A product that does not fit is longer than any buffer, and must not look like TRACKING.
        let len_bytes = len.map(|len| len.saturating_mul(size_bytes).min(TRACKING - 1));
        let span = Span::new(backing, offset_bytes, len_bytes, era, origin)?;
        Ok(View { span, element_type })
    }

    /// Returns the type of the elements.
    #[must_use]
    #[inline]
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// Returns the first byte.
    #[must_use]
    #[inline]
    pub fn offset_bytes(&self) -> usize {
        self.span.offset_bytes
    }

    /// Returns whether the length follows the buffer's.
    #[must_use]
    #[inline]
    pub fn is_tracking(&self) -> bool {
        self.span.len_bytes == TRACKING
    }

    /// Returns where the view was made.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.span.origin
    }

    /// Returns the era of the buffer that the view was made in, see [`Backing::era`].
    #[must_use]
    pub fn era(&self) -> u64 {
        self.span.era
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    ///
    /// When the bytes are gone or the buffer does not reach the view.
    #[inline]
    pub fn len(&self, backing: &Backing) -> Result<usize, ViewError> {
        Ok(self.span.expect(backing)?.len() / self.element_type.size_bytes())
    }

    /// Returns the bytes that the view covers: whole elements only.
    ///
    /// # Errors
    ///
    /// When the bytes are gone or the buffer does not reach the view.
    #[inline]
    pub fn bytes<'h>(&self, backing: &'h Backing) -> Result<&'h [Cell<u8>], ViewError> {
        let bytes = self.span.expect(backing)?;
        Ok(&bytes[..bytes.len() - bytes.len() % self.element_type.size_bytes()])
    }

    /// Returns the elements, for a loop: everything but the index is checked here, once.
    ///
    /// # Errors
    ///
    /// When `T` is not the type of the elements, when the bytes are gone, or when the buffer does not reach the view.
    #[inline(always)]
    pub fn elements<'h, T: Element>(&self, backing: &'h Backing) -> Result<Elements<'h, T>, ViewError> {
        if T::TYPE != self.element_type {
            return Err(wrong_type(T::TYPE, self.element_type));
        }
        Ok(Elements::new(self.span.expect(backing)?))
    }

    /// Reads element `index`.
    ///
    /// # Errors
    ///
    /// As [`View::elements`], and when `index` is not below the length.
    #[inline(always)]
    pub fn get<T: Element>(&self, backing: &Backing, index: usize) -> Result<T, ViewError> {
        let elements = self.elements::<T>(backing)?;
        elements.get(index).ok_or_else(|| beyond(index, elements.len()))
    }

    /// Stores element `index`.
    ///
    /// # Errors
    ///
    /// As [`View::elements`], and when `index` is not below the length.
    #[inline(always)]
    pub fn set<T: Element>(&self, backing: &Backing, index: usize, value: T) -> Result<(), ViewError> {
        let elements = self.elements::<T>(backing)?;
        if elements.set(index, value) {
            Ok(())
        } else {
            Err(beyond(index, elements.len()))
        }
    }

    /// Reads element `index` of a view whose type is known at run time only. Costs one jump more.
    ///
    /// # Errors
    ///
    /// When the bytes are gone, when the buffer does not reach the view, or when `index` is not below the length.
    #[inline]
    pub fn get_scalar(&self, backing: &Backing, index: usize) -> Result<Scalar, ViewError> {
        with_element_type!(self.element_type, T => self.get::<T>(backing, index).map(Element::to_scalar))
    }

    /// Stores element `index` of a view whose type is known at run time only; [`Scalar::from_f64`] with
    /// [`View::element_type`] makes the scalar of any number.
    ///
    /// # Errors
    ///
    /// As [`View::get_scalar`], and when the scalar is not of the view's type.
    #[inline]
    pub fn set_scalar(&self, backing: &Backing, index: usize, scalar: Scalar) -> Result<(), ViewError> {
        with_element_type!(self.element_type, T => match T::from_scalar(scalar) {
            Some(value) => self.set::<T>(backing, index, value),
            None => Err(wrong_type(scalar.element_type(), self.element_type)),
        })
    }

    /// Makes a view of a range of the elements, of the same buffer. Only `start..` of a view that tracks the buffer's length tracks it too.
    ///
    /// # Errors
    ///
    /// When the range does not lie within the elements, when the bytes are gone, or when the buffer does not reach the
    /// view.
    #[track_caller]
    pub fn subview(&self, backing: &Backing, range: impl RangeBounds<usize>, at: impl When) -> Result<View, ViewError> {
        let is_tracking = self.is_tracking() && range.end_bound() == std::ops::Bound::Unbounded;
        let (start, len) = resolve(range, self.len(backing)?)?;
        let offset_bytes = self.span.offset_bytes + start * self.element_type.size_bytes();
        let len = (!is_tracking).then_some(len);
        View::new_in(
            backing,
            self.span.era,
            self.element_type,
            offset_bytes,
            len,
            at.origin(),
        )
    }

    /// Copies the bytes that the view covers into a buffer of their own, which no growth and no resizing reaches.
    ///
    /// # Errors
    ///
    /// When the bytes are gone, when the buffer does not reach the view, or when there is no memory.
    pub fn slice(&self, backing: &Backing) -> Result<ArrayBuffer, BufferError> {
        Ok(ArrayBuffer::copy_of(self.bytes(backing)?)?)
    }
}

/// A byte view of a buffer: numbers of any type at any offset, in the order that each access names.
///
/// It stands in a kind as `Plain<ByteView>`. ECMAScript calls it `DataView`.
///
/// ```
/// use tenure_resource::buffer::{ArrayBuffer, ByteView, Endian};
///
/// let buffer = ArrayBuffer::from_vec(vec![0x89, b'P', b'N', b'G', 0, 0, 1, 0]);
/// let view = ByteView::new(&buffer, 1, None, 0)?;
/// assert_eq!(view.get::<u32>(&buffer, 3, Endian::Big)?, 256);
/// view.set::<u16>(&buffer, 4, 0x0203, Endian::Little)?;
/// assert_eq!(view.get::<u32>(&buffer, 3, Endian::Big)?, 0x0003_0200);
/// assert!(view.get::<u32>(&buffer, 4, Endian::Big).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ByteView {
    span: Span,
}

impl ByteView {
    /// Makes a view of `len_bytes` bytes from byte `offset_bytes` on, or of all up to the buffer's end at each access.
    ///
    /// # Errors
    ///
    /// When the view would not lie within the buffer, or when the buffer has lost its bytes.
    #[track_caller]
    pub fn new(
        backing: &Backing,
        offset_bytes: usize,
        len_bytes: Option<usize>,
        at: impl When,
    ) -> Result<ByteView, ViewError> {
        ByteView::new_in(
            backing,
            backing.era_of_new_views(),
            offset_bytes,
            len_bytes,
            at.origin(),
        )
    }

    pub(crate) fn new_in(
        backing: &Backing,
        era: u64,
        offset_bytes: usize,
        len_bytes: Option<usize>,
        origin: Origin,
    ) -> Result<ByteView, ViewError> {
        let len_bytes = len_bytes.map(|len_bytes| len_bytes.min(TRACKING - 1));
        Ok(ByteView {
            span: Span::new(backing, offset_bytes, len_bytes, era, origin)?,
        })
    }

    /// Returns the first byte.
    #[must_use]
    #[inline]
    pub fn offset_bytes(&self) -> usize {
        self.span.offset_bytes
    }

    /// Returns whether the length follows the buffer's.
    #[must_use]
    #[inline]
    pub fn is_tracking(&self) -> bool {
        self.span.len_bytes == TRACKING
    }

    /// Returns where the view was made.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.span.origin
    }

    /// Returns the era of the buffer that the view was made in, see [`Backing::era`].
    #[must_use]
    pub fn era(&self) -> u64 {
        self.span.era
    }

    /// Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// When the bytes are gone or the buffer does not reach the view.
    #[inline]
    pub fn len_bytes(&self, backing: &Backing) -> Result<usize, ViewError> {
        Ok(self.span.expect(backing)?.len())
    }

    /// Returns the bytes.
    ///
    /// # Errors
    ///
    /// When the bytes are gone or the buffer does not reach the view.
    #[inline]
    pub fn bytes<'h>(&self, backing: &'h Backing) -> Result<&'h [Cell<u8>], ViewError> {
        self.span.expect(backing)
    }

    #[inline(always)]
    fn place<'h, T: Element>(&self, backing: &'h Backing, index: usize) -> Result<&'h T::Cells, ViewError> {
        let bytes = self.span.expect(backing)?;
        let cells = bytes.get(index..).and_then(|bytes| T::split(bytes).first());
        cells.ok_or_else(|| {
            ViewError::Range(RangeError {
                start: index,
                end: index.saturating_add(size_of::<T>()),
                len: bytes.len(),
            })
        })
    }

    /// Reads the number whose first byte is byte `index` of the view.
    ///
    /// # Errors
    ///
    /// When the bytes are gone, when the buffer does not reach the view, or when the number does not lie within the
    /// view.
    #[inline(always)]
    pub fn get<T: Element>(&self, backing: &Backing, index: usize, order: Endian) -> Result<T, ViewError> {
        Ok(T::load_in(self.place::<T>(backing, index)?, order))
    }

    /// Stores a number whose first byte becomes byte `index` of the view.
    ///
    /// # Errors
    ///
    /// As [`ByteView::get`].
    #[inline(always)]
    pub fn set<T: Element>(&self, backing: &Backing, index: usize, value: T, order: Endian) -> Result<(), ViewError> {
        T::store_in(self.place::<T>(backing, index)?, value, order);
        Ok(())
    }

    /// Copies the bytes that the view covers into a buffer of their own, which no growth and no resizing reaches.
    ///
    /// # Errors
    ///
    /// When the bytes are gone, when the buffer does not reach the view, or when there is no memory.
    pub fn slice(&self, backing: &Backing) -> Result<ArrayBuffer, BufferError> {
        Ok(ArrayBuffer::copy_of(self.bytes(backing)?)?)
    }
}
