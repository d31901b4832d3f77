// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hll_sparse.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "storage/types/hll_dense.h"

namespace slotway::storage {
namespace {

constexpr std::uint32_t kShortZerosMax = 64;
constexpr std::uint32_t kValuesMax = 4;

void AppendZeros(std::string& out, std::size_t length) {
  const std::size_t code = length - 1;
  if (length > kShortZerosMax) out.push_back(static_cast<char>(kHllLongZeros | code >> 8));
  out.push_back(static_cast<char>(code));
}

char ValuesCode(unsigned value, std::uint32_t length) {
  return static_cast<char>(kHllValues | (value - 1) << 2 | (length - 1));
}

void AppendRun(std::string& out, unsigned value, std::size_t length) {
  if (length == 0) return;
  if (value == 0) {
    AppendZeros(out, length);
  } else {
    out.push_back(ValuesCode(value, static_cast<std::uint32_t>(length)));
  }
}

std::span<char> RegistersOf(std::string& value) {
  return std::span(value).subspan(kHllHeaderBytes);
}

}  // namespace

std::string EmptyHll() {
  std::string value("HYLL\x01", 5);
  value.resize(kHllHeaderBytes, '\0');
  AppendZeros(value, kHllRegisters);
  return value;
}

bool MakeHllDense(std::string& value) {
  HllRegisters registers{};
  if (!HllSparseMerge(value, registers)) return false;
  std::string dense = value.substr(0, kHllHeaderBytes);
  dense[4] = static_cast<char>(HllEncoding::kDense);
  dense.resize(kHllDenseBytes);
  HllDensePack(registers, RegistersOf(dense));
  value = std::move(dense);
  return true;
}

bool HllSparseMerge(std::string_view value, HllRegisters& into) {
  return VisitHllRuns(value, [&](std::size_t first, const HllRun& run) {
    if (run.value == 0) return;
    for (std::size_t i = first; i < first + run.length; ++i) into[i] = std::max(into[i], run.value);
  });
}

// Up to eight short runs from `spot` on, all of which are before `index`, are passed over at once;
// false if there are too few of them for that.
bool HllSparseEditor::PassShort(std::string_view value, std::size_t index, Spot& spot) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  if (value.size() - spot.at < 8) return false;
  std::uint64_t codes;
  std::memcpy(&codes, value.data() + spot.at, sizeof codes);
  const std::uint64_t values = codes >> 7 & kEach;
  const std::uint64_t longs = codes >> 6 & ~values & kEach;
  const auto bits = static_cast<unsigned>(std::countr_zero(longs)) & ~7u;  // of those before it
  if (bits < 4 * 8) return false;
  // Each one's length less one: the low two bits of values, the low six of zeros.
  std::uint64_t lengths = codes & (kEach * 63 ^ values * 60);
  lengths <<= 64 - bits;  // the others count nothing
  constexpr std::uint64_t kEven = 0x00ff00ff00ff00ff;
  const std::uint64_t pairs = (lengths & kEven) + (lengths >> 8 & kEven);
  const std::size_t count = bits / 8;
  const std::size_t total = (pairs * 0x0001000100010001 >> 48) + count;
  if (spot.first + total > index) return false;
  spot.before_at = spot.at + count - 1;
  spot.before_first = spot.first + total - (lengths >> 56) - 1;
  spot.at += count;
  spot.first += total;
  return true;
}

// Short runs of either kind are told apart without a branch: which one comes next is anybody's
// guess.
bool HllSparseEditor::FindFrom(Spot start, std::size_t index, Spot& spot) const {
  constexpr int kStepsBetweenTries = 6;
  const std::string_view value = value_;  // of its own, so that it stays in registers
  int steps = 0;                          // until it is worth a try to pass many
  while (start.at < value.size()) {
    if (steps == 0 && PassShort(value, index, start)) continue;
    steps = steps == 0 ? kStepsBetweenTries : steps - 1;
    const unsigned code = static_cast<unsigned char>(value[start.at]);
    std::size_t length = (code & (63u >> (code >> 7) * 4)) + 1;
    std::size_t bytes = 1;
    if ((code & (kHllValues | kHllLongZeros)) == kHllLongZeros) {
      length = HllRunAt(value, start.at).length;
      bytes = 2;
    }
    if (index < start.first + length) {
      spot = start;
      return true;
    }
    start.before_at = start.at;
    start.before_first = start.first;
    start.at += bytes;
    start.first += length;
  }
  return false;
}

bool HllSparseEditor::Find(std::size_t index, Spot& spot) const {
  if (index >= start_first_) {
    const Spot start{.at = start_at_, .first = start_first_};
    const bool is_found = FindFrom(start, index, spot);
    // At the start itself it is not known what is before it.
    if (is_found && (spot.at != start_at_ || start_at_ == kHllHeaderBytes)) return true;
  }
  return FindFrom({}, index, spot);
}

HllRaise HllSparseEditor::Raise(HllPlace place) {
  if (place.count > kHllSparseValueMax) return RaiseDense(place);
  Spot spot;
  if (!Find(place.index, spot)) return HllRaise::kBroken;
  start_at_ = spot.before_at == 0 ? kHllHeaderBytes : spot.before_at;
  start_first_ = spot.before_at == 0 ? 0 : spot.before_first;
  const HllRun run = HllRunAt(value_, spot.at);
  if (run.value >= place.count) return HllRaise::kUnchanged;

  if (run.length == 1 && !run.is_long) {
    value_[spot.at] = ValuesCode(place.count, 1);
  } else {
    std::string runs;
    AppendRun(runs, run.value, place.index - spot.first);
    AppendRun(runs, place.count, 1);
    AppendRun(runs, run.value, spot.first + run.length - 1 - place.index);
    if (runs.size() > run.bytes && value_.size() + runs.size() - run.bytes > bytes_max_) {
      return RaiseDense(place);
    }
    // Of a broken run there may be less to replace than it should have.
    const std::size_t size = value_.size() + runs.size() - run.bytes;
    value_.replace(spot.at, run.bytes, runs);
    value_.resize(size);
  }
  JoinNeighbours();
  DropHllCachedCount(value_);
  return HllRaise::kRaised;
}

HllRaise HllSparseEditor::RaiseDense(HllPlace place) {
  if (!MakeHllDense(value_)) return HllRaise::kBroken;
  return HllDenseRaise(RegistersOf(value_), place) ? HllRaise::kRaised : HllRaise::kUnchanged;
}

// Looks at five runs, beginning with the one before the change; a joined run counts each time.
void HllSparseEditor::JoinNeighbours() {
  std::size_t at = start_at_;
  for (int looks = 0; looks < 5 && at < value_.size(); ++looks) {
    const HllRun run = HllRunAt(value_, at);
    if (run.value != 0 && run.End() < value_.size()) {
      const HllRun next = HllRunAt(value_, run.End());
      if (next.value == run.value && run.length + next.length <= kValuesMax) {
        value_[at] = ValuesCode(run.value, run.length + next.length);
        value_.erase(next.at, 1);
        continue;
      }
    }
    at = run.End();
  }
}

}  // namespace slotway::storage
