// SPDX-License-Identifier: Apache-2.0
// What ZUNION, ZINTER and ZDIFF read: a sorted set, a set whose members all have score 1, or
// nothing. Valid until the next change of the keyspace.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "storage/engine/set_handle.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {

class ScoreSource {
 public:
  static bool IsReadable(ValueType type) {
    return type == ValueType::kZset || type == ValueType::kSet;
  }

  // Of an absent key: empty. REQUIRES: IsReadable(entry.type()) of one that exists.
  ScoreSource(Keyspace& keyspace, const Entry& entry) {
    if (!entry) return;
    if (entry.type() == ValueType::kSet) {
      value_.emplace<SetHandle>(keyspace, entry);
    } else {
      value_.emplace<SortedSetHandle>(keyspace, entry);
    }
  }

  std::size_t Size() const {
    if (const auto* sorted_set = std::get_if<SortedSetHandle>(&value_)) return sorted_set->Size();
    const auto* set = std::get_if<SetHandle>(&value_);
    return set != nullptr ? set->Size() : 0;
  }
  std::optional<double> ScoreOf(std::string_view member) const {
    if (const auto* sorted_set = std::get_if<SortedSetHandle>(&value_)) {
      return sorted_set->ScoreOf(member);
    }
    const auto* set = std::get_if<SetHandle>(&value_);
    if (set == nullptr || !set->Contains(member)) return std::nullopt;
    return kScoreOfAll;
  }
  // visit(ScoredMember) while it returns true.
  template <class VisitFn>
  void VisitWhile(VisitFn&& visit) const {
    bool goes_on = true;
    if (const auto* sorted_set = std::get_if<SortedSetHandle>(&value_)) {
      sorted_set->ForEach([&](const ScoredMember& item) { goes_on = goes_on && visit(item); });
    } else if (const auto* set = std::get_if<SetHandle>(&value_)) {
      set->VisitWhile([&](std::string_view member) {
        return visit(ScoredMember{kScoreOfAll, member});
      });
    }
  }

 private:
  static constexpr double kScoreOfAll = 1;

  std::variant<std::monostate, SortedSetHandle, SetHandle> value_;
};

}  // namespace slotway::storage
