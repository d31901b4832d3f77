// SPDX-License-Identifier: Apache-2.0
// Redis's listpack: a list of strings and integers in one run of bytes.
//
//   u32 total bytes, u16 elements (65535: unknown, count them), elements, 0xff; all little endian
//   element: encoding byte(s) and data, then the length of those, readable backwards
//     0xxxxxxx            integer 0 to 127        10xxxxxx          string of up to 63 bytes
//     110xxxxx x          integer of 13 bits      1110xxxx x        string of up to 4095 bytes
//     f1 f2 f3 f4         integer of 16, 24,      f0 u32            string
//                         32, 64 bits
// Strings that are canonical integers are stored as integers. A backward length has 7 bits per
// byte, most significant first; all bytes but the first have bit 7 set.
// Source: the listpack specification (github.com/antirez/listpack); the same bytes are in RDB files
// and DUMP payloads. Readers trust their bytes: those from outside must pass IsValidListpack first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotway::storage {

// The decimal text of a number, kept by whoever needs it.
struct NumberText {
  char bytes[24];

  std::string_view Print(std::int64_t number);
};

// The number whose canonical decimal text `text` is.
std::optional<std::int64_t> CanonicalNumber(std::string_view text);

// One element, viewed in place.
struct ListpackElement {
  std::string_view text;    // when !is_number
  std::int64_t number = 0;  // when is_number
  bool is_number = false;

  // As a client sees it; `buffer` holds the digits of a number.
  std::string_view Text(NumberText& buffer) const {
    return is_number ? buffer.Print(number) : text;
  }
};

// Reads a listpack that is well-formed. Positions are offsets into the bytes.
class ListpackReader {
 public:
  static constexpr std::size_t kHeaderBytes = 6;

  explicit ListpackReader(std::string_view bytes) : bytes_(bytes) {}

  std::size_t Count() const;
  std::size_t Begin() const { return kHeaderBytes; }
  std::size_t End() const { return bytes_.size() - 1; }
  // REQUIRES: position != End().
  std::size_t Next(std::size_t position) const;
  // REQUIRES: position != Begin().
  std::size_t Previous(std::size_t position) const;
  ListpackElement At(std::size_t position) const;
  // The position of the element with this index, from the end when negative; End() when none.
  std::size_t Seek(std::int64_t index) const;
  // The first element at or after `from` that equals `text`, looking at every `step`th; End() when
  // none.
  std::size_t Find(std::string_view text, std::size_t from, std::size_t step) const;

 private:
  std::string_view bytes_;
};

// One element as its bytes stand in a listpack.
class EncodedElement {
 public:
  explicit EncodedElement(std::string_view text);
  explicit EncodedElement(std::int64_t number);
  std::string_view bytes() const {
    return long_.empty() ? std::string_view(short_, short_size_) : std::string_view(long_);
  }

 private:
  static constexpr std::size_t kShortTextMax = 63;

  char short_[kShortTextMax + 2];  // the encoding byte, the text or number, one backward byte
  std::uint8_t short_size_ = 0;
  std::string long_;
};

// A change of a listpack, wherever its bytes live: replace `erased_bytes` at `position` by
// `inserted`, then write `header` over its first bytes.
struct ListpackSplice {
  std::size_t position;
  std::size_t erased_bytes;
  std::string_view inserted;
  char header[ListpackReader::kHeaderBytes];
};
// Before the element at `position`, which may be End(). The element must outlive the splice.
ListpackSplice SpliceToInsert(std::string_view bytes, std::size_t position,
                              const EncodedElement& element);
ListpackSplice SpliceToReplace(std::string_view bytes, std::size_t position,
                               const EncodedElement& element);
// `count` elements from `position` on, fewer when the listpack ends before.
ListpackSplice SpliceToErase(std::string_view bytes, std::size_t position, std::size_t count);

// A listpack being changed. Positions after a change are stale.
class Listpack {
 public:
  Listpack();
  // A copy of a well-formed one.
  explicit Listpack(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  ListpackReader reader() const { return ListpackReader(bytes_); }

  void Append(std::string_view text) { Insert(reader().End(), text); }
  // `count` elements at once, encoded as EncodedElement does it.
  void AppendEncoded(std::string_view elements, std::size_t count);
  // As the splices above.
  void Insert(std::size_t position, std::string_view text) {
    const EncodedElement element(text);
    Apply(SpliceToInsert(bytes_, position, element));
  }
  void Replace(std::size_t position, std::string_view text) {
    const EncodedElement element(text);
    Apply(SpliceToReplace(bytes_, position, element));
  }
  void Replace(std::size_t position, std::int64_t number) {
    const EncodedElement element(number);
    Apply(SpliceToReplace(bytes_, position, element));
  }
  void Erase(std::size_t position, std::size_t count) {
    Apply(SpliceToErase(bytes_, position, count));
  }

  // Moves the elements from `position` on into a listpack of their own.
  Listpack SplitOff(std::size_t position);
  void AppendAll(const Listpack& other);

  // What the bytes may grow to before they are moved, and giving that room back.
  std::size_t Capacity() const { return bytes_.capacity(); }
  void ShrinkToFit() { bytes_.shrink_to_fit(); }

 private:
  void Apply(const ListpackSplice& splice);

  std::string bytes_;
};

// Whether bytes from outside are a well-formed listpack in every part.
bool IsValidListpack(std::string_view bytes);

}  // namespace slotway::storage
