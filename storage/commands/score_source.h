// SPDX-License-Identifier: Apache-2.0
// What ZUNION, ZINTER and ZDIFF read: a sorted set, a set whose members all have score 1, or
// nothing. Valid until the next change of the keyspace.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {

class ScoreSource {
 public:
  static bool IsReadable(ValueType type) { return type == ValueType::kZset; }

  // Of an absent key: empty. REQUIRES: IsReadable(entry.type()) of one that exists.
  ScoreSource(Keyspace& keyspace, const Entry& entry) {
    if (entry) sorted_set_.emplace(keyspace, entry);
  }

  std::size_t Size() const { return sorted_set_ ? sorted_set_->Size() : 0; }
  std::optional<double> ScoreOf(std::string_view member) const {
    return sorted_set_ ? sorted_set_->ScoreOf(member) : std::nullopt;
  }
  // visit(ScoredMember) while it returns true.
  template <class VisitFn>
  void VisitWhile(VisitFn&& visit) const {
    bool goes_on = true;
    if (!sorted_set_) return;
    sorted_set_->ForEach([&](const ScoredMember& item) { goes_on = goes_on && visit(item); });
  }

 private:
  std::optional<SortedSetHandle> sorted_set_;
};

}  // namespace slotway::storage
