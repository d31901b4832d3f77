// SPDX-License-Identifier: Apache-2.0
// What a client has asked for between MULTI and EXEC.
//
// Commands with keys of one slot, and those that need no particular shard, run on the slot's shard
// as one. The others are "outside": what the proxy answers itself, and what goes to all shards.
// They are carried out before or behind the rest, not as one with it. A value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "proxy/client/worker_services.h"
#include "proxy/routing/request.h"

namespace slotway::proxy {

class TransactionQueue {
 public:
  struct Command {
    const protocol::CommandSpec* spec;  // of what is outside and runs; else nullptr
    protocol::CommandId id;
    std::size_t offset, length;  // of its bytes in Bytes()
    bool is_inside, is_outside;         // SELECT is both
  };

  // All keys have to be in this slot, where the client watches some.
  void BindToWatched(protocol::Slot slot) {
    slot_ = slot;
    is_watching_ = true;
  }
  // Empty, or why the command was refused; then the transaction can no longer run.
  std::string Add(const Request& request, const WorkerServices& services);
  void MarkRefused() { is_refused_ = true; }
  // What the client might do when it was queued it may not do at EXEC, perhaps.
  void MarkToBeChecked() { is_to_be_checked_ = true; }
  // These, by their places, do not run: each is answered with its error reply.
  void Refuse(std::map<std::size_t, std::string> replies);

  bool IsRefused() const { return is_refused_; }
  bool IsToBeChecked() const { return is_to_be_checked_; }
  // nullptr: it runs.
  const std::string* RefusalOf(std::size_t place) const {
    const auto found = refusals_.find(place);
    return found == refusals_.end() ? nullptr : &found->second;
  }
  const std::vector<Command>& Commands() const { return commands_; }
  std::string_view BytesOf(const Command& command) const {
    return std::string_view(bytes_).substr(command.offset, command.length);
  }
  std::size_t Bytes() const { return bytes_.size(); }
  // Of the keys, if there are any.
  std::optional<protocol::Slot> KeySlot() const { return slot_; }
  bool HasInside() const { return inside_ > 0; }
  std::size_t Inside() const { return inside_; }
  // Whether the shard's connection is left in another database.
  bool ChangesDatabase() const { return changes_database_; }
  // Whether what stands outside has to run before the rest.
  bool BeginsOutside() const { return begins_outside_; }
  // Scripts that are run by their digests: the shard is to know them before.
  const std::vector<std::string>& Digests() const { return digests_; }
  // What EVAL shows: remembered once it has run.
  struct Script {
    std::size_t inside;  // its place among what runs inside
    std::string text;
  };
  const std::vector<Script>& Scripts() const { return scripts_; }
  bool IsReadonly() const { return is_readonly_; }
  bool IsSlow() const { return is_slow_; }

 private:
  std::string Place(const Request& request, const WorkerServices& services, Command& command);
  std::string CheckSlot(const Request& request, const WorkerServices& services);

  std::string bytes_;
  std::vector<Command> commands_;
  std::vector<protocol::KeyPosition> keys_;
  std::vector<std::string> digests_;
  std::vector<Script> scripts_;
  std::map<std::size_t, std::string> refusals_;
  std::optional<protocol::Slot> slot_;
  std::size_t inside_ = 0;
  bool is_watching_ = false;
  bool is_refused_ = false;
  bool is_to_be_checked_ = false;  // or who the client is changes on the way
  bool begins_outside_ = false;
  bool has_later_fan_out_ = false;  // nothing may run inside any more
  bool changes_database_ = false;
  bool is_readonly_ = true;
  bool is_slow_ = false;
};

}  // namespace slotway::proxy
