// SPDX-License-Identifier: Apache-2.0
// Everything a command's function gets: arguments, the reply to write, the database, the client.
//
// Lives for one call. Arguments stay valid for the call and never point into the keyspace; views of
// entries end with the next change of the keyspace (see entry.h), so replies are written before.
// Every error goes through Error(), every change of a key through KeyChanged().
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command.h"
#include "protocol/error_text.h"
#include "protocol/resp_writer.h"
#include "runtime/byte_queue.h"
#include "storage/commands/client_state.h"
#include "storage/commands/key_change.h"
#include "storage/commands/server_state.h"
#include "storage/engine/keyspace.h"

namespace slotway::storage {

using ReplyWriter = protocol::RespWriter<runtime::ByteQueue>;

class CommandContext {
 public:
  CommandContext(ServerState& server_state, ClientState& client_state,
                 const protocol::CommandSpec& command_spec,
                 std::span<const std::string_view> arguments, runtime::ByteQueue& output_queue)
      : server(server_state),
        client(client_state),
        spec(command_spec),
        args(arguments),
        db(server_state.Database(client_state.db_index)),
        output(output_queue),
        reply(output_queue, client_state.resp_version),
        now_ms(server_state.now_ms) {}

  ServerState& server;
  ClientState& client;
  const protocol::CommandSpec& spec;
  std::span<const std::string_view> args;  // args[0] is the command
  Keyspace& db;
  runtime::ByteQueue& output;
  ReplyWriter reply;
  std::int64_t now_ms;
  bool has_failed = false;

  // For what a client hears that has silenced us with CLIENT REPLY.
  ReplyWriter LoudReply() {
    const bool is_silenced = client.reply_mode != ReplyMode::kOn && client.connection != nullptr;
    return {is_silenced ? client.connection->Output() : output, client.resp_version};
  }

  // ---- Keys ----

  // Tells the slot of the first key, so that it is hashed once per request. With `all_keys_alike`
  // every key of the request is known to be in it (cluster mode).
  void KnowSlot(std::size_t key_index, protocol::Slot slot, bool all_keys_alike) {
    known_key_index_ = key_index;
    known_slot_ = slot;
    all_keys_alike_ = all_keys_alike;
  }
  // The key in args[index], with its slot.
  KeyRef Key(std::size_t index) const {
    if (index == known_key_index_ || all_keys_alike_) return {known_slot_, args[index]};
    return {protocol::SlotOfKey(args[index]), args[index]};
  }

  // A lookup on behalf of a reader: counts hits and misses.
  Entry FindToRead(const KeyRef& key) { return FindToRead(key, AccessMode()); }
  Entry FindToRead(const KeyRef& key, Access access) {
    Entry entry = db.Find(key.slot, key.key, now_ms, access);
    if (entry) [[likely]] {
      ++server.stats.keyspace_hits;
    } else {
      ++server.stats.keyspace_misses;
      if (server.Config().notify_keyspace_events != 0) [[unlikely]]
        PublishKeyEvent(server, client.db_index, key.key, config::kNotifyKeyMiss, "keymiss");
    }
    return entry;
  }
  // The same, leaving the access clock alone.
  Entry PeekToRead(const KeyRef& key) { return FindToRead(key, Access::kPeek); }
  Entry FindToWrite(const KeyRef& key) { return db.Find(key.slot, key.key, now_ms, AccessMode()); }
  // The same without any effect on statistics and access clock.
  Entry Peek(const KeyRef& key) { return db.Find(key.slot, key.key, now_ms, Access::kPeek); }

  // True when the entry is absent or of this type; else answers WRONGTYPE.
  bool CheckType(const Entry& entry, ValueType type) {
    if (!entry || entry.type() == type) [[likely]]
      return true;
    Error(protocol::error_text::kWrongType);
    return false;
  }

  // ---- Effects ----

  // To be called after each change of a key: counts it and tells those who listen.
  void KeyChanged(const KeyRef& key, config::KeyspaceEvent event_class, std::string_view event) {
    KeyOfChanged(client.db_index, key, event_class, event);
  }
  // The same in another database: COPY, MOVE.
  void KeyOfChanged(int db_index, const KeyRef& key, config::KeyspaceEvent event_class,
                    std::string_view event) {
    ++server.changes;
    if (server.TellsOfKeyChanges()) [[unlikely]]
      TellOfKeyChange(server, db_index, key.key, event_class, event);
  }
  // To be called when a key became another, in the other's place: it counts as new.
  void KeyReplaced(int db_index, const KeyRef& key) {
    PublishKeyEvent(server, db_index, key.key, config::kNotifyNew, "new");
  }
  // A change that no event tells of: what is kept beside the value proper.
  void KeyChangedSilently(const KeyRef& key) { KeyChanged(key, config::KeyspaceEvent{}, {}); }
  // A change that is no single key's: FLUSHALL, SWAPDB.
  void DataChanged(std::uint64_t count) { server.changes += count; }

  // ---- The stream of changes: see propagation.h ----

  // This is repeated in place of the command; may be called several times.
  void PropagateAs(std::initializer_list<std::string_view> words) {
    PropagateAs(std::span<const std::string_view>(words.begin(), words.size()));
  }
  void PropagateAs(std::span<const std::string_view> words) {
    propagation = Propagated::kByItself;
    if (server.propagation.IsOn()) server.propagation.Add(client.db_index, words, Audience::kAll);
  }
  // Nothing is repeated, or only what PropagateAs() says.
  void PropagateNothing() { propagation = Propagated::kByItself; }
  // It is repeated even if it changed nothing that is counted.
  void PropagateAnyway() { propagation = Propagated::kAnyway; }
  // Replicas repeat it, the file does not keep it.
  void PropagateToReplicas() { propagation = Propagated::kToReplicas; }

  enum class Propagated : std::uint8_t { kIfChanged, kAnyway, kToReplicas, kByItself };
  Propagated propagation = Propagated::kIfChanged;

  // ---- Waiting ----

  // What a request waits for: that one of `keys` holds a value of `type` that is of use to it.
  struct Wait {
    ValueType type = ValueType::kList;
    std::span<const std::string_view> keys;
    std::int64_t deadline_ms = WaitingRequest::kForever;
    bool minds_absence = false;
    bool counts_replicas = false;  // waits for acknowledgements, not for keys
  };
  // Leaves the request without an answer; it is run again when one of the keys has changed, until
  // it answers or its time is up. False when this client may not wait: answer as if time was up.
  // `run_again`: the arguments to be run again, if not these.
  bool WaitFor(const Wait& wait, std::vector<std::string> run_again = {});

  // Whether this is a request that waited and is run again.
  bool is_run_again = false;
  // Set by WaitFor() then: it goes on waiting.
  bool still_waits = false;

  // ---- Errors ----

  // `text` begins with its code.
  void Error(std::string_view text) {
    has_failed = true;
    server.stats.CountError(text);
    reply.Error(text);
  }
  // One that was counted where it came about: what a script passes on.
  void CountedError(std::string_view text) { reply.Error(text); }
  void SyntaxError() { Error(protocol::error_text::kSyntax); }
  void ArityError();
  // "ERR unknown subcommand or wrong number of arguments for 'x'. Try DEBUG HELP."
  void SubcommandError(std::string_view container);
  // "ERR invalid expire time in 'set' command"
  void InvalidExpireError();

 private:
  Access AccessMode() const { return client.is_no_touch ? Access::kPeek : Access::kTouch; }

  static constexpr std::size_t kNoKey = ~std::size_t{0};
  std::size_t known_key_index_ = kNoKey;
  protocol::Slot known_slot_{};
  bool all_keys_alike_ = false;
};

// Equal, ASCII letters compared without case. `lower` is lower case.
bool EqualsNoCase(std::string_view text, std::string_view lower);

}  // namespace slotway::storage
