// SPDX-License-Identifier: Apache-2.0
// Which of a worker's connections to a node a request takes.
//
// A connection has one protocol version and one database, may have asked for READONLY, and carries
// either ordinary requests or those that may run for long. A lane names such a combination; it is a
// dense small number.
#pragma once

#include <cstdint>

#include "protocol/resp_writer.h"

namespace slotway::proxy {

class Lane {
 public:
  static constexpr std::uint16_t kDatabasesMax = 32;

  constexpr Lane() = default;
  constexpr explicit Lane(protocol::RespVersion version, std::uint16_t database = 0)
      : number_(static_cast<std::uint16_t>((version == protocol::RespVersion::kResp3 ? 1 : 0) |
                                           (database << kDatabaseShift))) {}

  constexpr std::uint16_t Index() const { return number_; }
  constexpr protocol::RespVersion Version() const {
    return (number_ & kResp3) != 0 ? protocol::RespVersion::kResp3 : protocol::RespVersion::kResp2;
  }
  // For requests that may keep a shard busy, or whose replies are long: others do not wait behind
  // them.
  constexpr bool IsSlow() const { return (number_ & kSlow) != 0; }
  // Reads from replicas.
  constexpr bool IsReadonly() const { return (number_ & kReadonly) != 0; }
  // Reads that do not count as use of the keys (CLIENT NO-TOUCH).
  constexpr bool IsNoTouch() const { return (number_ & kNoTouch) != 0; }
  // How many replicas must have what a reply tells of (CLIENT ACK-REPLICAS); kAckMajority: the
  // majority of the shard. 0: none.
  static constexpr std::uint16_t kAckMajority = 15;
  constexpr std::uint16_t Acks() const { return (number_ & kAcks) >> kAcksShift; }
  constexpr std::uint16_t Database() const { return (number_ & kDatabases) >> kDatabaseShift; }

  constexpr Lane WithSlow(bool is_slow) const { return With(kSlow, is_slow); }
  constexpr Lane WithReadonly(bool is_readonly) const { return With(kReadonly, is_readonly); }
  constexpr Lane WithNoTouch(bool is_no_touch) const { return With(kNoTouch, is_no_touch); }
  constexpr Lane WithAcks(std::uint16_t acks) const {
    Lane lane = *this;
    lane.number_ = static_cast<std::uint16_t>((number_ & ~kAcks) | (acks << kAcksShift));
    return lane;
  }
  constexpr bool operator==(const Lane&) const = default;

 private:
  static constexpr std::uint16_t kResp3 = 1, kSlow = 2, kReadonly = 4;
  static constexpr int kDatabaseShift = 3;
  static constexpr std::uint16_t kDatabases = (kDatabasesMax - 1) << kDatabaseShift;
  static constexpr std::uint16_t kNoTouch = kDatabasesMax << kDatabaseShift;
  static constexpr int kAcksShift = 9;  // last: they are rare
  static constexpr std::uint16_t kAcks = kAckMajority << kAcksShift;
  static_assert(kNoTouch < (1 << kAcksShift));

  constexpr Lane With(std::uint16_t bit, bool is_on) const {
    Lane lane = *this;
    lane.number_ = static_cast<std::uint16_t>(is_on ? number_ | bit : number_ & ~bit);
    return lane;
  }
  std::uint16_t number_ = 0;
};

}  // namespace slotway::proxy
