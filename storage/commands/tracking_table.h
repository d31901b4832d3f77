// SPDX-License-Identifier: Apache-2.0
// Which client has read which key (CLIENT TRACKING), and which prefixes are broadcast.
//
//   readers_   key -> ids of clients that were told its value; forgotten when they are told that it
//              changed. Ids may be of clients that have gone or no longer track.
//   prefixes_  prefix -> who wants to hear of its keys (BCAST), and those changed since the last
//              broadcast, each with the client that changed it last
//
// Only keeps books; who is told what is in invalidation.h. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/tracking_options.h"
#include "runtime/text_hash.h"

namespace slotway::storage {

struct ClientState;

// Of a client that tracks.
struct ClientTracking {
  protocol::TrackingOptions options;
  protocol::TrackingCaching caching = protocol::TrackingCaching::kUnsaid;
  bool is_redirect_broken = false;
  std::size_t prefix_bytes = 0;
};

class TrackingTable {
 public:
  struct Prefix {
    std::vector<ClientState*> clients;
    std::map<std::string, std::uint64_t, std::less<>> changed;  // key -> id of who changed it
  };

  bool IsOn() const { return clients_ > 0; }
  std::size_t ClientCount() const { return clients_; }
  std::size_t KeyCount() const { return readers_.size(); }
  std::size_t ReaderCount() const { return reader_count_; }
  std::size_t PrefixCount() const { return prefixes_.size(); }

  // With these options from now on; prefixes come on top of those it has.
  void Start(ClientState& client, protocol::TrackingOptions options);
  void Stop(ClientState& client);

  // The client has been told the key's value.
  void AddReader(std::string_view key, std::uint64_t client_id);
  // Who is to be told that it changed; they are forgotten.
  std::vector<std::uint64_t> TakeReaders(std::string_view key);
  void ForgetAllReaders();
  // Some key of the table. REQUIRES: there is one.
  std::string AnyKey() const { return readers_.begin()->first; }

  // For the next broadcast. `changed_by` 0: nobody.
  void NoteChange(std::string_view key, std::uint64_t changed_by);
  bool HasBroadcast() const { return has_broadcast_; }
  // All prefixes; `changed` is to be emptied.
  std::map<std::string, Prefix>& TakeBroadcast() {
    has_broadcast_ = false;
    return prefixes_;
  }

 private:
  std::size_t clients_ = 0;
  std::size_t reader_count_ = 0;
  runtime::TextMap<std::vector<std::uint64_t>> readers_;  // ids, sorted
  std::map<std::string, Prefix> prefixes_;
  bool has_broadcast_ = false;
};

}  // namespace slotway::storage
