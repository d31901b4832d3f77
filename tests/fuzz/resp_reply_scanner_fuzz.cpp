// SPDX-License-Identifier: Apache-2.0
// Input: one seed byte for the cuts, then a backend's stream.
// However the stream is cut and whether or not scanned bytes are dropped, the borders and types are
// the same; and what the value parser can read, the scanner has framed.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "protocol/resp_reply_scanner.h"
#include "protocol/resp_reply_value.h"
#include "tests/fuzz/fuzz_check.h"

namespace slotway::protocol {
namespace {

using Status = RespReplyScanner::Status;

struct Outcome {
  std::vector<std::size_t> ends;
  std::string types;
  bool is_malformed = false;

  bool operator==(const Outcome&) const = default;
};

template <class NextSize>
Outcome Feed(std::string_view stream, bool drop, NextSize next_size) {
  RespReplyScanner scanner;
  Outcome outcome;
  std::size_t begin = 0;
  std::size_t there = 0;
  while (there < stream.size()) {
    there = std::min(stream.size(), there + next_size());
    while (begin < there) {
      const std::size_t size = there - begin;
      const auto copy = std::make_unique<char[]>(size);
      std::memcpy(copy.get(), stream.data() + begin, size);
      const Status status = scanner.Scan({copy.get(), size});
      if (status == Status::kIncomplete) {
        FUZZ_CHECK(scanner.Scanned() <= size);
        if (drop) {
          begin += scanner.Scanned();
          scanner.Drop();
        }
        break;
      }
      if (status == Status::kMalformed) {
        outcome.is_malformed = true;
        return outcome;
      }
      FUZZ_CHECK(scanner.Consumed() > 0 && scanner.Consumed() <= size);
      begin += scanner.Consumed();
      outcome.ends.push_back(begin);
      outcome.types += scanner.Type();
    }
  }
  return outcome;
}

}  // namespace
}  // namespace slotway::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  std::string_view stream = fuzz::AsText(data, size);
  unsigned seed = fuzz::TakeByte(stream) + 1;
  const auto whole = protocol::Feed(stream, false, [] { return std::size_t{1} << 30; });
  for (bool drop : {false, true}) {
    if (size < 2048) {
      FUZZ_CHECK(protocol::Feed(stream, drop, [] { return std::size_t{1}; }) == whole);
    }
    FUZZ_CHECK(protocol::Feed(stream, drop, [&seed] {
                 seed = seed * 1103515245 + 12345;
                 return std::size_t{1} + (seed >> 16) % 23;
               }) == whole);
  }
  const std::size_t first = whole.ends.empty() ? 0 : whole.ends[0];
  for (std::size_t end = 1; end <= stream.size() && stream.size() < 256; ++end) {
    if (protocol::ParseRespValue(stream.substr(0, end)).has_value()) FUZZ_CHECK(first == end);
  }
  return 0;
}
