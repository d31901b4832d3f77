// SPDX-License-Identifier: Apache-2.0
// The base of calls that wait at one or several shards on connections of their own.
//
// A leg is one exchange with the owner of one slot. When that owner is lost, demoted or gives the
// slot away, the leg is sent anew to the next one, with the time that is left; but not a write that
// may have run instead of waiting. The call ends with its last leg's answer, with its client, or by
// Unblock(). Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/block_timeout.h"
#include "proxy/reply/blocked_call.h"
#include "proxy/routing/operation.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class PrivateCall : public Operation, public BlockedCall, private PrivateConnections::Holder {
 public:
  void OnReply(std::size_t part, std::string_view reply) final;
  void OnLost(std::size_t part, bool may_have_run) final;
  void OnShardReady(std::size_t part) final;
  std::vector<std::string_view> Request() const final { return {args_.begin(), args_.end()}; }
  bool HasDeadline() const final { return deadline_ms_ != 0; }
  void OnClientGone() final;
  void Unblock(bool with_error, std::function<void(bool)> done) final;
  void Refuse(std::string_view error) final;

 protected:
  // A leg per slot; there is at least one.
  PrivateCall(const OperationContext& context, const std::vector<protocol::Slot>& slots);
  ~PrivateCall() override;

  // Sends all legs. The call may be gone when this returns.
  void Begin();
  // Delivers the reply and frees the call.
  void End(std::string_view reply);
  // Frees the call without a reply: another operation has its place.
  void HandOver();

  // The words of the request; the time among them is written anew when it is sent later.
  std::vector<std::string>& Words() { return args_; }

  // What a connection is asked before the request itself; the answer is dropped.
  virtual std::string Preface() const { return {}; }
  // Whom the connections have to be of; nullptr: the proxy's own.
  virtual const Guise* AsWhom() const { return nullptr; }
  // The answer of a leg, or the error that ended it; `left` more are to come. Calls End() when the
  // call is over.
  virtual void OnLegReply(std::string_view reply, std::size_t left) = 0;
  // Whether the error means that the node is no master any more. What has keys is told MOVED.
  virtual bool IsOfReplica(std::string_view /*reply*/) const { return false; }
  // What the client gets when the time is over and no shard was there to say so.
  virtual std::string TimeoutReply() const = 0;

 private:
  struct Leg {
    protocol::Slot slot{0};
    BackendConnection* connection = nullptr;
    std::optional<runtime::SocketAddress> asking;  // where ASK sent it, for one try
    std::uint64_t sent_at_ms = 0;
    std::uint32_t waiting_since_ms = 0;
    std::uint8_t tries = 0;            // since it last waited in peace
    bool is_awaiting = false;          // for its shard to be there
    bool is_parked = false;            // the shard has looked, and waits
    bool awaits_guise = false;         // nothing is sent before the connection is who it is to be
    bool awaits_id = false;            // to be unblocked as soon as the connection knows its id
    std::uint8_t unblock_tries = 0;
    bool is_spoilt = false;            // an UNBLOCK may reach the connection later
  };
  // A CLIENT UNBLOCK on its way to the shards.
  struct Unblocking {
    bool with_error = false;
    bool was_ended = false;
    std::size_t left = 0;
    std::vector<std::function<void(bool)>> done;

    void Count(bool is_ended);
    bool IsUnderWay() const { return left > 0; }
  };

  void OnPrivateDown(BackendConnection& connection, std::string_view reason) override;
  void OnPrivateReady(BackendConnection& connection) override;

  void Leave();
  void StartLeg(std::size_t index);
  void SendLeg(std::size_t index, BackendConnection& connection);
  InFlight PartOf(std::size_t part, protocol::Slot slot);
  void AwaitShard(std::size_t index);
  void EndLeg(std::size_t index, std::string_view reply);
  bool GoesOn(std::size_t index, const runtime::SocketAddress& from, std::string_view reply);
  bool IsTimeOver() const;
  // Whether a CLIENT UNBLOCK has ended the wait, or is about to: the shard has not said no.
  bool IsBeingUnblocked() const;
  void NoteIncident(Leg& leg) const;
  void LetGo(Leg& leg);
  void EndByForce(bool with_error);
  void AskToUnblock(std::size_t index);
  void TakeUnblockAnswer(std::size_t index, bool is_ended);
  void CountUnblocked(bool is_ended);
  std::string RequestBytes() const;

  // What of the row is needed later: that of a learned command may go meanwhile.
  protocol::CommandId command_;
  protocol::TimeoutPlace timeout_place_;
  bool is_write_;
  std::vector<std::string> args_;
  std::optional<protocol::BlockTimeout> timeout_;
  std::uint64_t deadline_ms_ = 0;  // loop time; 0: none
  std::vector<Leg> legs_;
  std::size_t left_;
  runtime::Timer timer_;  // while no shard counts the time
  // shared: the shards' answers may come after the call is over.
  std::shared_ptr<Unblocking> unblocking_;
  // shared: lets others see whether the call is still there.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  std::string refusal_;  // what the client is told instead of having been unblocked
  bool is_over_ = false;
};

}  // namespace slotway::proxy
