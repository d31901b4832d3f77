// SPDX-License-Identifier: Apache-2.0
// How much of large replies, and of replies that may be large, a shard owes to a worker's clients.
//
// A shard makes all replies that it was asked for in one go before it sends the first; it does
// nothing else meanwhile, and who asks behind them waits for their way here as well. So they are
// asked for only while there is room for them, and who finds none stands in line. Bytes are
// guesses. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <vector>

#include "proxy/backend/backend_pool.h"
#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

class ReplyRoom {
 public:
  class Guest {
   public:
    virtual ~Guest() = default;
    // Its turn has come, and the bytes are taken for it. Only notes it: no room is used within.
    virtual void OnRoom(std::size_t bytes) = 0;
  };
  struct Standing {
    Guest* guest;
    std::size_t bytes;
  };
  using Place = std::list<Standing>::iterator;

  explicit ReplyRoom(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ReplyRoom(const ReplyRoom&) = delete;
  ReplyRoom& operator=(const ReplyRoom&) = delete;

  // False, and nothing is taken, if others stand in line or the bytes do not fit. Alone, anything
  // fits.
  bool TryTake(std::size_t bytes);
  // For what TryTake() refused.
  Place StandInLine(Guest& guest, std::size_t bytes) {
    return line_.insert(line_.end(), {&guest, bytes});
  }
  void LeaveLine(Place place);
  void GiveBack(std::size_t bytes);
  std::size_t TakenBytes() const { return taken_bytes_; }

 private:
  bool Fits(std::size_t bytes) const {
    return taken_bytes_ == 0 || taken_bytes_ + bytes <= bytes_max_;
  }
  void CallNext();

  std::size_t bytes_max_;
  std::size_t taken_bytes_ = 0;
  std::list<Standing> line_;
};

// What one client has taken of rooms, and where it stands in line. At its end it leaves everything.
class ReplyClaims final : private ReplyRoom::Guest {
 public:
  // `on_room`: what was refused may be asked for again, and is not refused then.
  explicit ReplyClaims(std::function<void()> on_room) : on_room_(std::move(on_room)) {}
  ~ReplyClaims() override;
  ReplyClaims(const ReplyClaims&) = delete;
  ReplyClaims& operator=(const ReplyClaims&) = delete;

  // For the request whose reply has the place `sequence`. If false it is not to be sent now: the
  // client stands in line.
  bool Take(ReplyRoom& room, std::size_t bytes, ReplyQueue::Sequence sequence);
  // Replies before this one have left: their room is given back.
  void NoteAnswered(ReplyQueue::Sequence sequence);
  // What was offered by `on_room` and is not made use of is for others.
  void GiveUpOffer();
  // Asks for nothing any more. What it has taken stays so until it is answered.
  void Withdraw();

  bool IsInLine() const { return line_ != nullptr; }
  bool Empty() const { return taken_.empty() && line_ == nullptr && offered_in_ == nullptr; }

 private:
  struct Claim {
    ReplyRoom* room;
    std::size_t bytes;
    ReplyQueue::Sequence sequence;
  };

  void OnRoom(std::size_t bytes) override;
  void LeaveLine();

  std::function<void()> on_room_;
  std::vector<Claim> taken_;  // in the order of their sequences; few
  ReplyRoom* line_ = nullptr;
  ReplyRoom::Place place_;
  ReplyRoom* offered_in_ = nullptr;
  std::size_t offered_bytes_ = 0;
};

// A worker's share of the rooms of one shard. A megabyte takes Redis about a millisecond, and what
// is asked for at once is one stall. Replies of unknown size come by the connections that all use.
struct ShardRooms {
  static constexpr std::size_t kBytesOfShard = 8 * 1024 * 1024;
  static constexpr std::size_t kUnknownReplyBytes = 1024 * 1024;  // until it is known

  explicit ShardRooms(std::size_t workers)
      : unknown(kBytesOfShard / workers), large(kBytesOfShard / workers) {}

  ReplyRoom unknown;
  ReplyRoom large;
};

// Made when first asked for; a node's stay for whoever gets its number later.
using RoomsOfShards = std::map<NodeIndex, ShardRooms>;

}  // namespace slotway::proxy
