// SPDX-License-Identifier: Apache-2.0
// Clients that wait for something to happen to a key (BLPOP, XREAD BLOCK and their like).
//
//   keys       database, key -> clients in the order in which they came
//   ready      keys that changed and have somebody waiting, each once, in the order of the changes
//   deadlines  when to give up
//
// A change only marks its key. The requests that wait are run again when the command or transaction
// that made the change is done: see server/waiting_requests.h. While nobody waits a change costs one
// comparison. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/command.h"
#include "runtime/text_hash.h"
#include "storage/types/value_type.h"

namespace slotway::storage {

struct ClientState;

// A request that waits.
struct WaitingRequest {
  static constexpr std::int64_t kForever = 0;

  const protocol::CommandSpec* spec = nullptr;
  std::vector<std::string> args;       // to run again; says the same whenever that is
  int db_index = 0;
  ValueType type = ValueType::kList;   // what a key must hold to be of use
  bool minds_absence = false;          // wants to know, too, when a key is gone or of another type
  bool counts_replicas = false;        // waits for them, and is answered with their number
  std::int64_t deadline_ms = kForever;
  std::vector<std::string> keys;
};

class KeyWaiters {
 public:
  struct Key {
    int db_index = 0;
    std::string name;
  };

  bool IsAnyoneWaiting() const { return !waiters_.empty(); }
  std::size_t ClientCount() const { return waiters_.size(); }
  // Those that give up some time.
  std::size_t TimedCount() const { return timed_.size(); }

  // Keys that somebody waits for, and of those the keys that somebody wants to know gone.
  std::size_t KeyCount() const;
  std::size_t KeysMissedCount() const;

  // REQUIRES: the client does not wait yet.
  void Add(ClientState& client, WaitingRequest request);
  // Forgets the client; nothing happens if it does not wait.
  void Remove(ClientState& client);
  // nullptr when it does not wait. Stays valid until the client is removed.
  const WaitingRequest* RequestOf(const ClientState& client) const;
  std::vector<ClientState*> Clients() const;

  // ---- Changes ----

  void NoteChange(int db_index, std::string_view key);
  // Any key of this database may have changed.
  void NoteDatabase(int db_index);
  bool HasReady() const { return !ready_.empty(); }
  // Takes the next key off the list. REQUIRES: HasReady().
  Key TakeReady();
  // The client that waits for a key behind the one with this ticket, with its own ticket; nothing
  // at the end. Tickets begin at 1.
  struct Place {
    std::uint64_t ticket = 0;
    ClientState* client = nullptr;
  };
  std::optional<Place> NextWaiting(const Key& key, std::uint64_t behind_ticket) const;
  // Whether somebody wants to know that this key is gone.
  bool DoesAnyoneMindAbsence(const Key& key) const;

  // ---- Time ----

  std::optional<std::int64_t> NextDeadline() const;
  // A client whose time has come, nullptr when there is none.
  ClientState* FindDue(std::int64_t now_ms) const;

 private:
  struct Waiter {
    ClientState* client = nullptr;
    std::uint64_t ticket = 0;
    WaitingRequest request;
  };
  struct Queue {
    std::map<std::uint64_t, ClientState*> clients;  // by ticket
    std::size_t minding_absence = 0;
    bool is_ready = false;
  };
  using Queues = runtime::TextMap<Queue>;

  const Queue* FindQueue(const Key& key) const;
  void MarkReady(int db_index, const std::string& name, Queue& queue);

  std::map<int, Queues> queues_;                              // by database
  std::unordered_map<const ClientState*, Waiter> waiters_;
  std::set<std::pair<std::int64_t, std::uint64_t>> deadlines_;  // time and ticket
  std::map<std::uint64_t, ClientState*> timed_;                 // by ticket, those with a deadline
  std::deque<Key> ready_;
  std::uint64_t next_ticket_ = 1;
};

}  // namespace slotway::storage
