// SPDX-License-Identifier: Apache-2.0
// Input: one byte of choices, one seed byte for the cuts, then a client's stream.
// However the stream is cut, the requests, the error and the bytes consumed are the same; and what
// was understood, written as requests, is understood the same again.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "protocol/resp_request_parser.h"
#include "protocol/resp_writer.h"
#include "tests/fuzz/fuzz_check.h"

namespace slotway::protocol {
namespace {

using Status = RespRequestParser::Status;

struct Outcome {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  std::size_t bytes_consumed = 0;

  bool operator==(const Outcome&) const = default;
};

// Feeds the stream in pieces; next_size() says how long each is. The parser sees every time a copy
// of exactly the bytes that are there, so that it cannot read past them unnoticed.
template <class NextSize>
Outcome Feed(std::string_view stream, const RequestLimits& limits, NextSize next_size) {
  RespRequestParser parser;
  parser.SetLimits(limits);
  Outcome outcome;
  std::size_t there = 0;
  while (there < stream.size()) {
    there = std::min(stream.size(), there + next_size());
    while (outcome.bytes_consumed < there) {
      const std::size_t size = there - outcome.bytes_consumed;
      const auto copy = std::make_unique<char[]>(size);
      std::memcpy(copy.get(), stream.data() + outcome.bytes_consumed, size);
      const Status status = parser.Parse({copy.get(), size});
      if (status == Status::kIncomplete) {
        FUZZ_CHECK(parser.BytesMissing() > 0);
        break;
      }
      if (status == Status::kError) {
        outcome.error = parser.ErrorText();
        return outcome;
      }
      FUZZ_CHECK(parser.Consumed() > 0 && parser.Consumed() <= size);
      outcome.requests.emplace_back(parser.Args().begin(), parser.Args().end());
      outcome.bytes_consumed += parser.Consumed();
    }
  }
  return outcome;
}

void CheckRoundTrip(const Outcome& outcome) {
  std::string stream;
  StringSink sink{stream};
  for (const auto& request : outcome.requests) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    WriteRequest(sink, std::span<const std::string_view>(args));
  }
  const Outcome again = Feed(stream, {}, [] { return std::size_t{1} << 30; });
  FUZZ_CHECK(again.requests == outcome.requests);
  FUZZ_CHECK(again.bytes_consumed == stream.size());
}

}  // namespace
}  // namespace slotway::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  std::string_view stream = fuzz::AsText(data, size);
  const unsigned choices = fuzz::TakeByte(stream);
  unsigned seed = fuzz::TakeByte(stream) + 1;
  protocol::RequestLimits limits;
  limits.is_authenticated = (choices & 1) == 0;
  if ((choices & 2) != 0) limits.inline_bytes_max = 24;
  if ((choices & 4) != 0) limits.bulk_bytes_max = 9;
  if ((choices & 8) != 0) limits.args_max = 3;
  const auto whole = protocol::Feed(stream, limits, [] { return std::size_t{1} << 30; });
  if (size < 2048) {
    FUZZ_CHECK(protocol::Feed(stream, limits, [] { return std::size_t{1}; }) == whole);
  }
  FUZZ_CHECK(protocol::Feed(stream, limits, [&seed] {
               seed = seed * 1103515245 + 12345;
               return std::size_t{1} + (seed >> 16) % 23;
             }) == whole);
  protocol::CheckRoundTrip(whole);
  return 0;
}
