// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/held_replies.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/commands/client_state.h"
#include "storage/commands/replication_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {
namespace {

// What is held beyond this keeps its client from being read.
constexpr std::size_t kRepliesMax = 16 * 1024;
constexpr std::size_t kBytesMax = std::size_t{1} << 20;

}  // namespace

std::size_t HeldReplies::ReplicasWanted(const ClientState& client) const {
  const auto number_of = [this](std::int64_t wanted) -> std::size_t {
    if (wanted != kMajorityOfShard) return static_cast<std::size_t>(wanted);
    // One at least: a node that knows of no other has nobody who would remember.
    const std::size_t nodes = shard_size ? shard_size() : 1;
    return std::max<std::size_t>(nodes / 2, 1);
  };
  return std::max(number_of(server_.Config().min_replicas_to_ack),
                  number_of(client.replicas_to_ack));
}

bool HeldReplies::LacksReplicas(const ClientState& client) const {
  if (client.is_master || server_.replication.is_replica) return false;
  return server_.replication.acknowledged.size() < ReplicasWanted(client);
}

bool HeldReplies::IsAcknowledged(const HeldOutput::Reply& reply) const {
  const std::vector<std::int64_t>& confirmed = server_.replication.confirmed;
  if (reply.replicas == 0 || reply.offset == 0) return true;
  return confirmed.size() >= reply.replicas && confirmed[reply.replicas - 1] >= reply.offset;
}

void HeldReplies::Note(ClientState& client, runtime::ByteQueue::Position begin) {
  if (client.connection == nullptr || server_.replication.is_replica) return;
  runtime::ByteQueue& output = client.connection->Output();
  const HeldOutput::Reply reply{
      .begin = begin,
      .end = output.End(),
      .offset = server_.replication.last_change_offset,
      .deadline_ms = server_.now_ms + server_.Config().min_replicas_ack_timeout_ms,
      .replicas = ReplicasWanted(client)};
  if (reply.begin >= reply.end || IsAcknowledged(reply)) return;
  if (!client.held) {
    client.held = std::make_unique<HeldOutput>();
    client.connection->HoldOutputFrom(begin);
    clients_.insert(&client);
  }
  client.held->replies.push_back(reply);
  if (asked_offset_ >= reply.offset) return;
  asked_offset_ = reply.offset;
  server_.replication_host->AskReplicas();
}

bool HeldReplies::IsFull(const ClientState& client) {
  if (!client.held) return false;
  const auto& replies = client.held->replies;
  return replies.size() >= kRepliesMax || replies.back().end - replies.front().begin >= kBytesMax;
}

void HeldReplies::Release() {
  const std::vector<ClientState*> clients(clients_.begin(), clients_.end());
  for (ClientState* client : clients) {
    auto& replies = client->held->replies;
    bool has_released = false;
    while (!replies.empty() && IsAcknowledged(replies.front())) {
      replies.pop_front();
      has_released = true;
    }
    if (!has_released) continue;
    client->confirms_held = true;
    Unhold(*client);
  }
}

void HeldReplies::Unhold(ClientState& client) {
  if (client.held->replies.empty()) {
    client.connection->HoldOutputFrom(runtime::Connection::kHoldNothing);
    Forget(client);
  } else {
    client.connection->HoldOutputFrom(client.held->replies.front().begin);
  }
  client.connection->MarkForFlush();
  if (!IsFull(client) && on_room) on_room(client);
}

void HeldReplies::EndDue() {
  const std::vector<ClientState*> clients(clients_.begin(), clients_.end());
  for (ClientState* client : clients) {
    if (client->held->replies.front().deadline_ms <= server_.now_ms) {
      Fail(*client, false, kNotAcknowledged);
    }
  }
}

void HeldReplies::FailAll() {
  asked_offset_ = 0;
  const std::vector<ClientState*> clients(clients_.begin(), clients_.end());
  for (ClientState* client : clients) Fail(*client, true, kNoMasterAnyMore);
}

void HeldReplies::Fail(ClientState& client, bool is_all, std::string_view error) {
  runtime::ByteQueue& output = client.connection->Output();
  auto& replies = client.held->replies;
  const runtime::ByteQueue::Position begin = replies.front().begin;
  std::string before;
  output.CopyTo(begin, static_cast<std::size_t>(output.End() - begin), before);
  output.TruncateTo(begin);
  protocol::RespWriter<runtime::ByteQueue> writer(output, client.resp_version);
  std::size_t done = 0;
  const auto copy_up_to = [&](std::size_t end) {
    output.Append(std::string_view(before).substr(done, end - done));
    done = end;
  };
  std::deque<HeldOutput::Reply> kept;
  for (HeldOutput::Reply& reply : replies) {
    copy_up_to(static_cast<std::size_t>(reply.begin - begin));
    const auto end = static_cast<std::size_t>(reply.end - begin);
    reply.begin = output.End();
    if (is_all || reply.deadline_ms <= server_.now_ms) {
      server_.stats.CountError(error);
      writer.Error(error);
      done = end;
      continue;
    }
    copy_up_to(end);
    reply.end = output.End();
    kept.push_back(reply);
  }
  copy_up_to(before.size());
  replies = std::move(kept);
  Unhold(client);
}

void HeldReplies::Forget(ClientState& client) {
  clients_.erase(&client);
  client.held.reset();
}

}  // namespace slotway::storage
