// SPDX-License-Identifier: Apache-2.0
#include "storage/types/hash_value.h"

#include <cstring>
#include <string>
#include <unordered_set>

#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

// A copy hashes otherwise: fields that come in the order of their hashes would crowd in few
// buckets.
constexpr std::uint64_t kSeedStep = 0x9e3779b97f4a7c15;

// Widths of the two lengths of an item: 1, 2 or 4 bytes; the code is the logarithm.
unsigned WidthCode(std::size_t length) {
  return length <= UINT8_MAX ? 0 : length <= UINT16_MAX ? 1 : 2;
}

std::size_t LoadLength(const char* from, std::size_t width) {
  std::uint32_t length = 0;
  std::memcpy(&length, from, width);
  return length;
}

}  // namespace

bool IsValidHashListpack(std::string_view bytes) {
  if (!IsValidListpack(bytes)) return false;
  const ListpackReader reader(bytes);
  if (reader.Count() % 2 != 0) return false;
  std::unordered_set<std::string> fields;
  NumberText buffer;
  for (std::size_t at = reader.Begin(); at != reader.End(); at = reader.Next(reader.Next(at))) {
    if (!fields.emplace(reader.At(at).Text(buffer)).second) return false;
  }
  return true;
}

HashTable::~HashTable() {
  FreeSome(SIZE_MAX);
  table_.Clear(memory_);
}

// The index stays as it is: only so is the position good to go on from.
std::size_t HashTable::FreeSome(std::size_t max_elements) {
  if (capture_ != nullptr && CaptureBeforeFreeing(*this, capture_->taker(), max_elements)) {
    return max_elements;
  }
  std::size_t freed = 0;
  while (freed < max_elements && freed_position_ < ElasticTable::kPositionEnd) {
    freed_position_ = table_.VisitFrom(freed_position_, [&](Spot spot) {
      FreeItem(spot.ref());
      ++freed;
    });
  }
  return freed;
}

std::unique_ptr<ValueObject> HashTable::Clone() const {
  auto copy = std::make_unique<HashTable>(memory_.arena, seed_ + kSeedStep);
  ForEach([&copy](std::string_view field, std::string_view value) { copy->Set(field, value); });
  return copy;
}

bool HashTable::BeginCapture(ElementTaker& taker) {
  capture_ = std::make_unique<HashOrderCapture>(taker);
  return true;
}

bool HashTable::CaptureSome(std::size_t max_elements) {
  return capture_->Step(table_, max_elements, HashOf(), [this](ArenaRef ref) { HandOut(ref); });
}

void HashTable::HandOut(ArenaRef ref) {
  const Item item = ItemAt(ref);
  capture_->taker().Take({.name = item.field, .value = item.value});
}

HashTable::Item HashTable::ItemAt(ArenaRef ref) const {
  const char* at = reinterpret_cast<const char*>(memory_.arena.At(ref));
  const std::size_t field_width = std::size_t{1} << (*at & 3);
  const std::size_t value_width = std::size_t{1} << (*at >> 2 & 3);
  const std::size_t field_bytes = LoadLength(at + 1, field_width);
  const std::size_t value_bytes = LoadLength(at + 1 + field_width, value_width);
  const char* field = at + 1 + field_width + value_width;
  return {{field, field_bytes}, {field + field_bytes, value_bytes}};
}

ArenaRef HashTable::NewItem(std::uint64_t hash, std::string_view field, std::string_view value) {
  const unsigned field_code = WidthCode(field.size());
  const unsigned value_code = WidthCode(value.size());
  const std::size_t field_width = std::size_t{1} << field_code;
  const std::size_t value_width = std::size_t{1} << value_code;
  std::byte* item =
      memory_.arena.Allocate(1 + field_width + value_width + field.size() + value.size());
  const std::size_t field_bytes = field.size();
  const std::size_t value_bytes = value.size();
  char* at = reinterpret_cast<char*>(item);
  *at++ = static_cast<char>(field_code | value_code << 2);
  std::memcpy(at, &field_bytes, field_width);
  std::memcpy(at += field_width, &value_bytes, value_width);
  std::memcpy(at += value_width, field.data(), field.size());
  std::memcpy(at + field.size(), value.data(), value.size());
  field_bytes_ += memory_.arena.UsableBytes(item);
  const ArenaRef ref = memory_.arena.RefOf(item);
  if (capture_ != nullptr) [[unlikely]]
    capture_->Marks(hash, ref);
  return ref;
}

void HashTable::FreeItem(ArenaRef ref) {
  std::byte* item = memory_.arena.At(ref);
  field_bytes_ -= memory_.arena.UsableBytes(item);
  memory_.arena.Free(item);
}

Spot HashTable::Find(std::uint64_t hash, std::string_view field) const {
  return table_.Find(hash, [&](ArenaRef ref) { return ItemAt(ref).field == field; });
}

std::optional<std::string_view> HashTable::Get(std::string_view field) const {
  const Spot spot = Find(KeyHash(seed_, field), field);
  if (!spot) return std::nullopt;
  return ItemAt(spot.ref()).value;
}

bool HashTable::Set(std::string_view field, std::string_view value) {
  const std::uint64_t hash = KeyHash(seed_, field);
  const Spot spot = Find(hash, field);
  if (!spot) {
    table_.Insert(memory_, hash, NewItem(hash, field, value), HashOf());
    return true;
  }
  const ArenaRef old_ref = spot.ref();
  const Item old = ItemAt(old_ref);
  Preserve(hash, old_ref);
  if (old.value.size() == value.size()) {
    std::memmove(const_cast<char*>(old.value.data()), value.data(), value.size());
    return false;
  }
  spot.bucket->SetRef(spot.index, NewItem(hash, field, value));
  FreeItem(old_ref);
  return false;
}

bool HashTable::Delete(std::string_view field) {
  const std::uint64_t hash = KeyHash(seed_, field);
  const Spot spot = Find(hash, field);
  if (!spot) return false;
  const ArenaRef ref = spot.ref();
  Preserve(hash, ref);
  table_.Erase(memory_, hash, spot, HashOf());
  FreeItem(ref);
  return true;
}

}  // namespace slotway::storage
