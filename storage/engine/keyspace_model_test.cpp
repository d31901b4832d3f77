// SPDX-License-Identifier: Apache-2.0
// The keyspace against a map, under random calls and a random clock.
#include <map>
#include <random>
#include <string>
#include <unordered_map>

#include "storage/engine/keyspace.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

using protocol::Slot;

struct ModelValue {
  std::string text;
  std::int64_t expire_at_ms = -1;  // -1: never
};

struct Setup {
  const char* name;
  int slots;
  int keys;
  int steps;
};

class KeyspaceModel : public ::testing::TestWithParam<Setup> {
 protected:
  Slot SlotOf(const std::string& key) const {
    return static_cast<Slot>(std::hash<std::string>{}(key) %
                             static_cast<std::size_t>(GetParam().slots));
  }
  std::string RandomKey() {
    return "key:" + std::to_string(random_() % static_cast<std::uint64_t>(GetParam().keys));
  }
  std::string RandomValue() {
    switch (random_() % 4) {
      case 0:
        return std::to_string(static_cast<std::int64_t>(random_()) >> random_() % 60);
      case 1:
        return std::string(random_() % 40, 'e');
      case 2:
        return std::string(random_() % 700, 'r');
      default:
        return std::string(random_() % 20'000 < 30 ? random_() % 200'000 : 20, 'x');
    }
  }
  void Forget(std::map<std::string, ModelValue>::iterator it) { model_.erase(it); }
  // What the model has under `key` now.
  std::map<std::string, ModelValue>::iterator Lookup(const std::string& key) {
    const auto it = model_.find(key);
    if (it == model_.end()) return it;
    if (it->second.expire_at_ms >= 0 && it->second.expire_at_ms < now_ms_) {
      model_.erase(it);
      return model_.end();
    }
    return it;
  }
  void Write(const std::string& key);
  void Change(const std::string& key);
  void Check(const std::string& key);
  void CheckAll();

  std::mt19937_64 random_;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::map<std::string, ModelValue> model_;
  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 5, .random_seed = 6}};
};

void KeyspaceModel::Write(const std::string& key) {
  const std::string value = RandomValue();
  const auto old = Lookup(key);
  ModelValue wanted{value, -1};
  TtlChange ttl = TtlChange::Clear();
  if (const auto choice = random_() % 3; choice == 0) {
    ttl = TtlChange::Keep();
    if (old != model_.end()) wanted.expire_at_ms = old->second.expire_at_ms;
  } else if (choice == 1) {
    wanted.expire_at_ms = now_ms_ + static_cast<std::int64_t>(random_() >> (30 + random_() % 30));
    wanted.expire_at_ms = std::min<std::int64_t>(wanted.expire_at_ms, now_ms_ + 100'000'000'000);
    ttl = TtlChange::At(wanted.expire_at_ms);
  }
  keyspace_.SetString(SlotOf(key), key, value, ttl, now_ms_);
  model_[key] = wanted;
}

void KeyspaceModel::Change(const std::string& key) {
  const auto old = Lookup(key);
  const Entry entry = keyspace_.Find(SlotOf(key), key, now_ms_);
  ASSERT_EQ(static_cast<bool>(entry), old != model_.end()) << key;
  if (!entry) return;
  ModelValue& value = old->second;
  switch (random_() % 6) {
    case 0:
      keyspace_.AppendString(entry, "tail");
      value.text += "tail";
      break;
    case 1: {
      const std::size_t length = random_() % 1000;
      keyspace_.ResizeString(entry, length);
      value.text.resize(length, '\0');
      break;
    }
    case 2:
      value.text = RandomValue();
      keyspace_.ReplaceString(entry, value.text);
      break;
    case 3:
      value.expire_at_ms = now_ms_ + static_cast<std::int64_t>(random_() % 100'000);
      keyspace_.SetExpiry(entry, value.expire_at_ms);
      break;
    case 4:
      ASSERT_EQ(keyspace_.ClearExpiry(entry), value.expire_at_ms >= 0);
      value.expire_at_ms = -1;
      break;
    default: {
      const std::string to = RandomKey();
      ASSERT_TRUE(keyspace_.Rename({SlotOf(key), key}, {SlotOf(to), to}, now_ms_));
      if (to == key) break;
      model_[to] = value;
      model_.erase(key);
    }
  }
}

void KeyspaceModel::Check(const std::string& key) {
  const auto wanted = Lookup(key);
  const Entry entry = keyspace_.Find(SlotOf(key), key, now_ms_);
  ASSERT_EQ(static_cast<bool>(entry), wanted != model_.end()) << key;
  if (!entry) return;
  NumberText buffer;
  ASSERT_EQ(StringText(entry, buffer), wanted->second.text);
  ASSERT_EQ(entry.expire_at_ms().value_or(-1), wanted->second.expire_at_ms);
}

void KeyspaceModel::CheckAll() {
  std::erase_if(model_, [&](const auto& item) {
    return item.second.expire_at_ms >= 0 && item.second.expire_at_ms < now_ms_;
  });
  std::size_t with_expiry = 0;
  for (const auto& [key, value] : model_) {
    Check(key);
    with_expiry += value.expire_at_ms >= 0;
  }
  // The wheel gets one tick of 16 ms behind at most.
  while (keyspace_.ExpireDue(now_ms_ + 16, 100).more) {
  }
  std::erase_if(model_, [&](const auto& item) {
    return item.second.expire_at_ms >= 0 &&
           !keyspace_.Exists(SlotOf(item.first), item.first, now_ms_);
  });
  ASSERT_EQ(keyspace_.Size(), model_.size());
  ASSERT_EQ(keyspace_.SizeOfType(ValueType::kString), model_.size());
  std::size_t slot_keys = 0;
  std::size_t slot_bytes = 0;
  for (int slot = 0; slot < GetParam().slots; ++slot) {
    slot_keys += keyspace_.SizeOfSlot(static_cast<Slot>(slot));
    slot_bytes += keyspace_.BytesOfSlot(static_cast<Slot>(slot));
  }
  ASSERT_EQ(slot_keys, model_.size());
  ASSERT_EQ(slot_bytes, keyspace_.Memory().record_bytes);
  ASSERT_EQ(slot_bytes, keyspace_.BytesOfType(ValueType::kString));
}

TEST_P(KeyspaceModel, AgreesUnderRandomCalls) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  for (int step = 0; step < GetParam().steps; ++step) {
    const std::string key = RandomKey();
    // The share of deletions swings, so that tables grow and shrink.
    const std::uint64_t deletions = step / 5000 % 2 == 0 ? 10 : 60;
    const std::uint64_t choice = random_() % 100;
    if (choice < deletions) {
      const bool existed = Lookup(key) != model_.end();
      ASSERT_EQ(keyspace_.Delete(SlotOf(key), key, now_ms_), existed);
      model_.erase(key);
    } else if (choice < deletions + 25) {
      Write(key);
    } else if (choice < 95) {
      Change(key);
    } else if (choice < 98) {
      now_ms_ += static_cast<std::int64_t>(random_() % 200);
      keyspace_.ExpireDue(now_ms_, 50);
    } else {
      now_ms_ += random_() % 100 == 0 ? 100'000'000 : 1;
    }
    if (HasFatalFailure()) return;
    if (step % 5000 == 4999) CheckAll();
    if (HasFatalFailure()) return;
  }
  keyspace_.FlushAll();
  while (keyspace_.FreeFlushed(1000)) {
  }
  EXPECT_EQ(keyspace_.Memory().record_bytes, 0u);
  EXPECT_EQ(arena_.allocated_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Setups, KeyspaceModel,
                         ::testing::Values(Setup{"FewKeys", 16384, 50, 20'000},
                                           Setup{"ManyKeys", 16384, 20'000, 60'000},
                                           Setup{"HotSlot", 1, 20'000, 60'000}),
                         [](const auto& setup) { return std::string(setup.param.name); });

}  // namespace
}  // namespace slotway::storage
