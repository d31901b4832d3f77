// SPDX-License-Identifier: Apache-2.0
#include "storage/types/set_value.h"

#include <cstring>
#include <string>
#include <unordered_set>

#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

// A copy hashes otherwise: members that come in the order of their hashes would crowd in few
// buckets.
constexpr std::uint64_t kSeedStep = 0x9e3779b97f4a7c15;

// What the first byte says of the length.
constexpr std::uint8_t kLength16 = 254;
constexpr std::uint8_t kLength32 = 255;

}  // namespace

bool IsValidSetListpack(std::string_view bytes) {
  if (!IsValidListpack(bytes)) return false;
  const ListpackReader reader(bytes);
  std::unordered_set<std::string> members;
  NumberText buffer;
  for (std::size_t at = reader.Begin(); at != reader.End(); at = reader.Next(at)) {
    if (!members.emplace(reader.At(at).Text(buffer)).second) return false;
  }
  return true;
}

SetTable::~SetTable() {
  FreeSome(SIZE_MAX);
  table_.Clear(memory_);
}

// The index stays as it is: only so is the position good to go on from.
std::size_t SetTable::FreeSome(std::size_t max_elements) {
  if (capture_ != nullptr && CaptureBeforeFreeing(*this, capture_->taker(), max_elements)) {
    return max_elements;
  }
  std::size_t freed = 0;
  while (freed < max_elements && freed_position_ < ElasticTable::kPositionEnd) {
    freed_position_ = table_.VisitFrom(freed_position_, [&](Spot spot) {
      FreeMember(spot.ref());
      ++freed;
    });
  }
  return freed;
}

std::unique_ptr<ValueObject> SetTable::Clone() const {
  auto copy = std::make_unique<SetTable>(memory_.arena, seed_ + kSeedStep);
  ForEach([&copy](std::string_view member) { copy->Add(member); });
  return copy;
}

bool SetTable::BeginCapture(ElementTaker& taker) {
  capture_ = std::make_unique<HashOrderCapture>(taker);
  return true;
}

bool SetTable::CaptureSome(std::size_t max_elements) {
  return capture_->Step(table_, max_elements, HashOfRef(), [this](ArenaRef ref) { HandOut(ref); });
}

std::string_view SetTable::MemberAt(ArenaRef ref) const {
  const char* at = reinterpret_cast<const char*>(memory_.arena.At(ref));
  const auto first = static_cast<std::uint8_t>(*at++);
  if (first < kLength16) return {at, first};
  std::uint32_t length = 0;
  const std::size_t width = first == kLength16 ? 2 : 4;
  std::memcpy(&length, at, width);
  return {at + width, length};
}

ArenaRef SetTable::NewMember(std::string_view member) {
  const auto length = static_cast<std::uint32_t>(member.size());
  const std::size_t width = length < kLength16 ? 0 : length <= UINT16_MAX ? 2 : 4;
  std::byte* memory = memory_.arena.Allocate(1 + width + member.size());
  char* at = reinterpret_cast<char*>(memory);
  *at++ = static_cast<char>(width == 0 ? length : width == 2 ? kLength16 : kLength32);
  std::memcpy(at, &length, width);
  std::memcpy(at + width, member.data(), member.size());
  member_bytes_ += memory_.arena.UsableBytes(memory);
  return memory_.arena.RefOf(memory);
}

void SetTable::FreeMember(ArenaRef ref) {
  std::byte* memory = memory_.arena.At(ref);
  member_bytes_ -= memory_.arena.UsableBytes(memory);
  memory_.arena.Free(memory);
}

bool SetTable::Add(std::string_view member) {
  const std::uint64_t hash = HashOf(member);
  if (Find(hash, member)) return false;
  const ArenaRef ref = NewMember(member);
  table_.Insert(memory_, hash, ref, HashOfRef());
  if (capture_ != nullptr) [[unlikely]]
    capture_->Marks(hash, ref);
  return true;
}

bool SetTable::Remove(std::string_view member) {
  const std::uint64_t hash = HashOf(member);
  const Spot spot = Find(hash, member);
  if (!spot) return false;
  const ArenaRef ref = spot.ref();
  if (capture_ != nullptr && capture_->Marks(hash, ref)) [[unlikely]]
    HandOut(ref);
  table_.Erase(memory_, hash, spot, HashOfRef());
  FreeMember(ref);
  return true;
}

}  // namespace slotway::storage
