// SPDX-License-Identifier: Apache-2.0
// Writing values: inserting, overwriting, growing in place, renaming.
#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "storage/engine/keyspace_impl.h"
#include "storage/types/listpack.h"

namespace slotway::storage {
namespace {

// A string that grows gets room for as much again, up to this; a larger one a quarter more.
constexpr std::size_t kSlackBytesMax = 1024 * 1024;

std::size_t GrowthSlack(std::size_t length) {
  return std::max(std::min(length, kSlackBytesMax), length / 4);
}

}  // namespace

// ---- Strings ----

Entry Keyspace::SetString(protocol::Slot slot, std::string_view key, std::string_view value,
                          TtlChange ttl, std::int64_t now_ms) {
  if (const auto number = CanonicalNumber(value)) return SetNumber(slot, key, *number, ttl, now_ms);
  return impl_->Store(slot, key, Impl::NewValue::Text(value), ttl, now_ms);
}

Entry Keyspace::SetNumber(protocol::Slot slot, std::string_view key, std::int64_t value,
                          TtlChange ttl, std::int64_t now_ms) {
  return impl_->Store(slot, key, Impl::NewValue::Number(value), ttl, now_ms);
}

Entry Keyspace::SetFilledString(protocol::Slot slot, std::string_view key, std::size_t length,
                                const FillBytes& fill, TtlChange ttl, std::int64_t now_ms) {
  return impl_->Store(slot, key,
                      {.type = ValueType::kString,
                       .encoding = Encoding::kRaw,
                       .fill = &fill,
                       .filled_bytes = length},
                      ttl, now_ms);
}

Entry Keyspace::ReplaceString(const Entry& entry, std::string_view value) {
  if (const auto number = CanonicalNumber(value)) return ReplaceNumber(entry, *number);
  return impl_->Overwrite(entry, Impl::NewValue::Text(value), entry.record_.HasExpiryWord());
}

Entry Keyspace::ReplaceNumber(const Entry& entry, std::int64_t value) {
  if (entry.encoding() == Encoding::kInt) {
    impl_->Preserve(entry);
    Record record = entry.record_;
    record.set_number(value);
    return entry;
  }
  return impl_->Overwrite(entry, Impl::NewValue::Number(value), entry.record_.HasExpiryWord());
}

Entry Keyspace::ResizeString(const Entry& entry, std::size_t length) {
  impl_->Preserve(entry);
  NumberText buffer;
  const std::string_view old_text = StringText(entry, buffer);
  const std::size_t old_length = old_text.size();
  Record record = entry.record_;
  Record::Shape shape = record.GetShape();
  shape.encoding = Encoding::kRaw;
  shape.value_bytes = length;

  const std::size_t wanted = shape.TotalBytes();
  const std::size_t usable = impl_->arena.UsableBytes(record.address());
  const bool is_far_too_large = wanted < usable / 2 && usable > 64;
  Entry result = entry;
  if (wanted > usable || is_far_too_large || !record.TryReshape(shape)) {
    // What had nothing yet may stay as it is.
    const bool is_growing = length > old_length && old_length > 0;
    const std::size_t slack = is_growing ? GrowthSlack(length) : 0;
    record = impl_->CopyFrame(record, shape, wanted + slack);
    std::memcpy(record.ValueArea(), old_text.data(), std::min(old_length, length));
    result = impl_->Swap(entry, record);
  }
  if (length > old_length) std::memset(record.ValueArea() + old_length, 0, length - old_length);
  return result;
}

Entry Keyspace::AppendString(const Entry& entry, std::string_view suffix) {
  const std::size_t old_length = StringLength(entry);
  const Entry longer = ResizeString(entry, old_length + suffix.size());
  std::memcpy(longer.record_.ValueArea() + old_length, suffix.data(), suffix.size());
  return longer;
}

std::span<char> Keyspace::MutableBytes(const Entry& entry) {
  assert(LayoutOf(entry.encoding()) == ValueLayout::kBytes);
  assert(entry.encoding() != Encoding::kEmbstr);
  impl_->Preserve(entry);
  return {entry.record_.ValueArea(), entry.record_.ValueLength()};
}

// ---- Other types ----

Entry Keyspace::SetBytes(protocol::Slot slot, std::string_view key, ValueType type,
                         Encoding encoding, std::string_view bytes, TtlChange ttl,
                         std::int64_t now_ms) {
  return impl_->Store(slot, key, {.type = type, .encoding = encoding, .bytes = bytes}, ttl, now_ms);
}

Entry Keyspace::SetObject(protocol::Slot slot, std::string_view key, ValueType type,
                          Encoding encoding, std::unique_ptr<ValueObject> object, TtlChange ttl,
                          std::int64_t now_ms) {
  return impl_->Store(slot, key, {.type = type, .encoding = encoding, .object = object.release()},
                      ttl, now_ms);
}

Entry Keyspace::ReplaceBytes(const Entry& entry, Encoding encoding, std::string_view bytes) {
  return impl_->Overwrite(entry, {.type = entry.type(), .encoding = encoding, .bytes = bytes},
                          entry.record_.HasExpiryWord());
}

Entry Keyspace::SpliceBytes(const Entry& entry, std::size_t at, std::size_t erased_bytes,
                            std::string_view inserted) {
  impl_->Preserve(entry);
  Record record = entry.record_;
  const std::size_t tail_from = at + erased_bytes;
  const std::size_t tail_bytes = record.ValueLength() - tail_from;
  Record::Shape shape = record.GetShape();
  shape.value_bytes = at + inserted.size() + tail_bytes;
  const std::size_t wanted = shape.TotalBytes();
  if (RecordArena::RoundedBytes(wanted) == impl_->arena.UsableBytes(record.address()) &&
      record.TryReshape(shape)) {
    char* area = record.ValueArea();
    std::memmove(area + at + inserted.size(), area + tail_from, tail_bytes);
    std::ranges::copy(inserted, area + at);
    return entry;
  }
  const char* old_area = record.ValueArea();
  const Record longer = impl_->CopyFrame(record, shape, wanted);
  char* area = longer.ValueArea();
  std::memcpy(area, old_area, at);
  std::ranges::copy(inserted, area + at);
  std::memcpy(area + at + inserted.size(), old_area + tail_from, tail_bytes);
  return impl_->Swap(entry, longer);
}

Entry Keyspace::ReplaceObject(const Entry& entry, Encoding encoding,
                              std::unique_ptr<ValueObject> object) {
  return impl_->Overwrite(entry,
                          {.type = entry.type(), .encoding = encoding, .object = object.release()},
                          entry.record_.HasExpiryWord());
}

void Keyspace::ObjectChanged(const Entry& entry, std::size_t bytes_before) {
  assert(impl_->capture == nullptr || entry.record_.stamp() == impl_->stamp);
  const std::size_t change = entry.Object()->MemoryBytes() - bytes_before;
  impl_->object_bytes += change;
  impl_->KeysOf(entry.slot_).bytes += change;
  impl_->BytesOf(entry.type()) += change;
}

// ---- Records ----

Record::Shape Keyspace::Impl::NewValue::ShapeFor(std::size_t key_bytes,
                                                 bool has_expiry_word) const {
  const bool is_bytes = LayoutOf(encoding) == ValueLayout::kBytes;
  const std::size_t byte_count = fill != nullptr ? filled_bytes : bytes.size();
  return {type, encoding, has_expiry_word, key_bytes, is_bytes ? byte_count : 8};
}

void Keyspace::Impl::NewValue::WriteTo(Record record) const {
  switch (LayoutOf(encoding)) {
    case ValueLayout::kNumber:
      record.set_number(number);
      break;
    case ValueLayout::kBytes:
      if (fill != nullptr) {
        (*fill)({record.ValueArea(), filled_bytes});
      } else {
        std::memmove(record.ValueArea(), bytes.data(), bytes.size());
      }
      break;
    case ValueLayout::kObject:
      record.set_object(object);
      break;
  }
}

Entry Keyspace::Impl::Store(protocol::Slot slot, std::string_view key, const NewValue& value,
                            TtlChange ttl, std::int64_t now_ms) {
  const std::uint64_t hash = Hash(key);
  Entry old = Locate(slot, key, hash);
  const bool is_due = old && IsHidden(old.record_, now_ms);
  if (is_due && mode == ExpiryMode::kDelete) {
    Expire(old, hash);
    old = {};
  }
  const bool sets_ttl = ttl.kind_ == TtlChange::Kind::kSet;
  Entry entry;
  if (old) {
    const bool had_ttl = old.expire_at_ms().has_value();
    const bool keeps_ttl = had_ttl && !is_due && ttl.kind_ == TtlChange::Kind::kKeep;
    if (had_ttl && !keeps_ttl && !sets_ttl) --with_expiry;
    entry = Overwrite(old, value, keeps_ttl || sets_ttl);
    if (!keeps_access) Touch(entry.record_, now_ms);
  } else {
    const std::uint32_t access = options.access.clock == AccessClock::kLru
                                     ? LruNow(now_ms)
                                     : LfuPack(kLfuInitialCounter, now_ms);
    entry = Insert(slot, key, hash, value, sets_ttl, access);
  }
  return sets_ttl ? SetDeadline(entry, ttl.at_ms_) : entry;
}

Entry Keyspace::Impl::Insert(protocol::Slot slot, std::string_view key, std::uint64_t hash,
                             const NewValue& value, bool with_expiry_word, std::uint32_t access) {
  const Record::Shape shape = value.ShapeFor(key.size(), with_expiry_word);
  Record record = Record::Format(arena.Allocate(shape.TotalBytes()), shape, key, access);
  record.set_stamp(stamp);
  value.WriteTo(record);
  ++size_of_type[static_cast<std::size_t>(value.type)];
  if (value.object != nullptr) object_bytes += value.object->MemoryBytes();
  return AddRecord(slot, hash, record);
}

Entry Keyspace::Impl::AddRecord(protocol::Slot slot, std::uint64_t hash, Record record) {
  if (!slots) slots = MakeSlots(protocol::kSlotCount);
  const Spot spot =
      KeysOf(slot).table.Insert(table_memory, hash, arena.RefOf(record.address()), HashOf());
  const std::size_t bytes = arena.UsableBytes(record.address());
  record_bytes += bytes;
  AddToSlot(slot, 1, static_cast<std::ptrdiff_t>(bytes + ObjectBytes(record)));
  BytesOf(record.type()) += bytes + ObjectBytes(record);
  if (insert_listener) [[unlikely]]
    insert_listener(slot, record.Key());
  return EntryAt(slot, spot);
}

Entry Keyspace::Impl::Overwrite(const Entry& entry, const NewValue& value, bool with_expiry_word) {
  Preserve(entry);
  Record record = entry.record_;
  SlotKeys& keys = KeysOf(entry.slot_);
  const std::size_t old_object_bytes = ObjectBytes(record);
  std::unique_ptr<ValueObject> old_object(
      LayoutOf(record.encoding()) == ValueLayout::kObject ? record.Object() : nullptr);
  --size_of_type[static_cast<std::size_t>(record.type())];
  ++size_of_type[static_cast<std::size_t>(value.type)];
  BytesOf(record.type()) -= arena.UsableBytes(record.address()) + old_object_bytes;

  const Record::Shape shape = value.ShapeFor(record.Key().size(), with_expiry_word);
  const std::size_t wanted = shape.TotalBytes();
  Entry result = entry;
  // What is filled may be made of the old value: not over it.
  if (value.fill == nullptr &&
      RecordArena::RoundedBytes(wanted) == arena.UsableBytes(record.address()) &&
      record.TryReshape(shape)) {
    value.WriteTo(record);
  } else {
    record = CopyFrame(record, shape, wanted);
    value.WriteTo(record);
    result = SwapRecord(entry, record);
  }
  const std::size_t object_bytes_now = ObjectBytes(record);
  object_bytes += object_bytes_now;
  keys.bytes += object_bytes_now - old_object_bytes;
  BytesOf(value.type) += arena.UsableBytes(record.address()) + object_bytes_now;
  if (old_object) Discard(std::move(old_object));
  return result;
}

Record Keyspace::Impl::CopyFrame(Record old, const Record::Shape& shape, std::size_t bytes) {
  Record record = Record::Format(arena.Allocate(bytes), shape, old.Key(), old.access());
  record.set_stamp(stamp);
  if (shape.has_expiry_word && old.HasExpiryWord()) record.SetExpiry(old.Expiry());
  return record;
}

Entry Keyspace::Impl::Swap(const Entry& entry, Record record) {
  BytesOf(record.type()) +=
      arena.UsableBytes(record.address()) - arena.UsableBytes(entry.record_.address());
  return SwapRecord(entry, record);
}

Entry Keyspace::Impl::SwapRecord(const Entry& entry, Record record) {
  const std::size_t change =
      arena.UsableBytes(record.address()) - arena.UsableBytes(entry.record_.address());
  record_bytes += change;
  KeysOf(entry.slot_).bytes += change;
  entry.bucket_->SetRef(entry.index_, arena.RefOf(record.address()));
  arena.Free(entry.record_.address());
  return {entry.slot_, entry.bucket_, entry.index_, record};
}

bool Keyspace::Rename(KeyRef from, KeyRef to, std::int64_t now_ms) {
  Impl& impl = *impl_;
  const std::uint64_t from_hash = impl.Hash(from.key);
  const std::uint64_t to_hash = impl.Hash(to.key);
  if (!impl.LocateLive(from.slot, from.key, from_hash, now_ms)) return false;
  if (from.key == to.key) return true;
  if (const Entry old = impl.Locate(to.slot, to.key, to_hash)) impl.Remove(old, to_hash);

  const Entry entry = impl.Locate(from.slot, from.key, from_hash);
  impl.Preserve(entry);
  const Record old = entry.record_;
  const auto expire_at_ms = old.ExpireAtMs();
  Record::Shape shape = old.GetShape();
  shape.key_bytes = to.key.size();
  shape.has_expiry_word = expire_at_ms.has_value();
  Record record =
      Record::Format(impl.arena.Allocate(shape.TotalBytes()), shape, to.key, old.access());
  record.set_stamp(impl.stamp);
  std::memcpy(record.ValueArea(), old.ValueArea(), shape.value_bytes);
  if (expire_at_ms) {
    const std::uint16_t token = impl.wheel.Add(Impl::TokenOf(to.slot, to_hash), *expire_at_ms);
    record.SetExpiry({*expire_at_ms, token});
  }

  const std::size_t old_bytes = impl.arena.UsableBytes(old.address());
  const std::size_t object_bytes = Impl::ObjectBytes(old);
  impl.KeysOf(from.slot).table.Erase(impl.table_memory, from_hash, {entry.bucket_, entry.index_},
                                     impl.HashOf());
  impl.AddToSlot(from.slot, -1, -static_cast<std::ptrdiff_t>(old_bytes + object_bytes));
  impl.BytesOf(old.type()) -= old_bytes + object_bytes;
  impl.record_bytes -= old_bytes;
  impl.arena.Free(old.address());
  impl.AddRecord(to.slot, to_hash, record);
  return true;
}

}  // namespace slotway::storage
