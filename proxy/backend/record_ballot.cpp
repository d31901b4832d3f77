// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/record_ballot.h"

#include <algorithm>

namespace slotway::proxy {

using protocol::RecordMark;

bool MasterRecords::Has(const RecordMark& mark) const {
  return std::find(records.begin(), records.end(), mark) != records.end();
}

std::size_t HoldersOf(const RecordMark& mark, std::span<const MasterRecords> masters) {
  return static_cast<std::size_t>(
      std::count_if(masters.begin(), masters.end(),
                    [&](const MasterRecords& master) { return master.Has(mark); }));
}

std::optional<RecordMark> LeadingRecord(std::span<const MasterRecords> masters) {
  std::optional<RecordMark> leading;
  std::size_t holders = 0;
  for (const MasterRecords& master : masters) {
    for (const RecordMark& mark : master.records) {
      if (leading && mark.version < leading->version) continue;
      const bool is_newer = !leading || mark.version > leading->version;
      const std::size_t count = HoldersOf(mark, masters);
      if (is_newer || count > holders) {
        leading = mark;
        holders = count;
      }
    }
  }
  return leading;
}

bool HasMajority(std::span<const MasterRecords> masters) {
  const auto answered = std::count_if(masters.begin(), masters.end(),
                                      [](const MasterRecords& m) { return m.has_answered; });
  return static_cast<std::size_t>(answered) * 2 > masters.size();
}

}  // namespace slotway::proxy
