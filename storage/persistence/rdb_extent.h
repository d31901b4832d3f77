// SPDX-License-Identifier: Apache-2.0
// Finds where an element of an RDB file ends, while its bytes come in piece by piece.
//
// An element is a row of strings, lengths and plain bytes, some of them repeated as often as a
// length says. The finder keeps its place, so that no byte of a large value is looked at twice. It
// checks nothing but that: what is in the element is for those who read it. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "storage/persistence/rdb_file.h"
#include "storage/persistence/rdb_format.h"

namespace slotway::storage {

class RdbExtent {
 public:
  enum class Status : std::uint8_t { kComplete, kNeedsMore, kBad, kModule };

  // What comes next: what follows an opcode, or key and value behind a type.
  Status BeginOpcode(RdbOpcode opcode);
  Status BeginKeyAndValue(std::uint8_t type);
  // Goes on in `bytes`, which begin where Begin...() stood, and held less before.
  Status Continue(std::string_view bytes);
  // How far it is known; all of the element once complete.
  std::size_t Bytes() const { return at_; }
  // How many bytes, at least, have to be there for Continue() to get any further.
  std::size_t BytesWanted() const { return at_ + missing_; }

 private:
  enum class Kind : std::uint8_t { kString, kLength, kTextScore, kRaw, kRepeat };
  // A repeat reads a length and takes the part so many times.
  struct Part {
    Kind kind;
    std::uint8_t raw_bytes = 0;
    std::span<const Part> repeated = {};
    static constexpr Part Raw(std::uint8_t bytes) { return {Kind::kRaw, bytes, {}}; }
    static constexpr Part Repeat(std::span<const Part> parts) { return {Kind::kRepeat, 0, parts}; }
  };
  struct Frame {
    std::span<const Part> parts;
    std::size_t next = 0;
    std::uint64_t rounds_left = 0;  // after this one
  };
  struct Grammar;

  Status Begin(std::span<const Part> parts);
  // Moves over one part; false when it is not there yet, or bad.
  bool Pass(const Part& part, std::string_view bytes);
  bool PassString(std::string_view bytes);
  bool PassRaw(std::uint64_t count, std::string_view bytes);
  // At `from`, of how many bytes it takes; false as above.
  bool ReadLength(std::string_view bytes, std::size_t& from, std::uint64_t& value,
                  bool& is_encoding);

  std::vector<Frame> frames_;
  std::size_t at_ = 0;
  std::size_t missing_ = 0;
  bool is_bad_ = false;
};

}  // namespace slotway::storage
