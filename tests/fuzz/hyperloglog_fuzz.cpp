// SPDX-License-Identifier: Apache-2.0
// Input: a byte that chooses, then a string that is given out for a HyperLogLog. Whatever it is,
// the commands answer, and what they leave behind is no worse than it was.
#include <algorithm>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"
#include "storage/types/hll_dense.h"
#include "storage/types/hll_estimate.h"
#include "storage/types/hll_sparse.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway::storage;

bool IsGood(const std::string& value) {
  HllRegisters registers{};
  return HllEncodingOf(value) == HllEncoding::kDense || HllSparseMerge(value, registers);
}

HllRegisters RegistersOf(const std::string& value) {
  HllRegisters registers{};
  if (HllEncodingOf(value) == HllEncoding::kDense) {
    HllDenseUnpack(std::string_view(value).substr(kHllHeaderBytes), registers);
  } else {
    HllSparseMerge(value, registers);
  }
  return registers;
}

// One register of a sparse value is raised; a good value stays good and changes nowhere else.
void CheckRaise(std::string value, HllPlace place, std::size_t bytes_max) {
  const bool was_good = IsGood(value);
  HllRegisters expected = RegistersOf(value);
  const HllRaise raise = HllSparseEditor(value, bytes_max).Raise(place);
  FUZZ_CHECK(IsHll(value));
  if (!was_good) return;
  FUZZ_CHECK(raise != HllRaise::kBroken);
  FUZZ_CHECK((raise == HllRaise::kRaised) == (place.count > expected[place.index]));
  expected[place.index] = std::max(expected[place.index], place.count);
  FUZZ_CHECK(IsGood(value));
  FUZZ_CHECK(RegistersOf(value) == expected);
  const auto histogram = HistogramOf(value);
  FUZZ_CHECK(histogram.has_value());
  EstimateCount(*histogram);
}

void CheckCommands(const std::string& value, unsigned choice) {
  static CommandRunner runner;
  const std::string element(1, static_cast<char>(choice));
  FUZZ_CHECK(runner.Run({"set", "k", value}) == "+OK\r\n");
  runner.Run({"pfadd", "other", "a", "b"});
  for (const std::vector<std::string>& request :
       std::vector<std::vector<std::string>>{{"pfadd", "k", element, "x", "y", "z"},
                                             {"pfcount", "k"},
                                             {"pfcount", "k", "other"},
                                             {"pfmerge", "k", "other"},
                                             {"pfmerge", "other", "k"},
                                             {"pfdebug", "decode", "k"},
                                             {"pfdebug", "getreg", "k"},
                                             {"pfcount", "k"}}) {
    const std::string reply = runner.Run(request);
    FUZZ_CHECK(reply.ends_with("\r\n"));
  }
  runner.Run({"del", "other"});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = slotway::fuzz::AsText(data, size);
  const unsigned choice = slotway::fuzz::TakeByte(input);
  const std::string value(input);
  CheckCommands(value, choice);
  // The same bytes as runs behind a good header.
  const std::string runs = EmptyHll().substr(0, kHllHeaderBytes) + value;
  CheckCommands(runs, choice);
  for (const std::string& hll : {value, runs}) {
    if (!IsHll(hll)) continue;
    const auto last = static_cast<unsigned char>(hll.back());
    const HllPlace place{static_cast<std::uint16_t>((choice << 8 | last) % kHllRegisters),
                         static_cast<std::uint8_t>(1 + choice % 51)};
    if (HllEncodingOf(hll) == HllEncoding::kSparse) CheckRaise(hll, place, choice * 64);
  }
  return 0;
}
