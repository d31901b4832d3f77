// SPDX-License-Identifier: Apache-2.0
// Which record counts, by what the masters of a backend have of it.
//
// The newest version does. Of two records that call themselves the same version, which only a
// failover in the middle of a change brings about, the one that more masters have; then the one at
// the first of them. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "protocol/shared_record.h"

namespace slotway::proxy {

// What a master has said.
struct MasterRecords {
  bool has_answered = false;
  std::vector<protocol::RecordMark> records;

  bool Has(const protocol::RecordMark& mark) const;
};

// Masters stand in an order that is the same for all proxies. Nothing if none has a record.
std::optional<protocol::RecordMark> LeadingRecord(std::span<const MasterRecords> masters);
std::size_t HoldersOf(const protocol::RecordMark& mark, std::span<const MasterRecords> masters);
// Whether more than half of the masters have answered: no record that more than half have is missed.
bool HasMajority(std::span<const MasterRecords> masters);

}  // namespace slotway::proxy
