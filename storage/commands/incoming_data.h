// SPDX-License-Identifier: Apache-2.0
// A data set that comes beside the one that is served: it takes that one's place as a whole, or is
// thrown away. Either is done at once; what is left of the other is freed piece by piece.
//
// Nothing expires in it, nobody hears of its keys. Engine thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

#include "storage/engine/keyspace.h"

namespace slotway::storage {

class ServerState;

class IncomingData {
 public:
  explicit IncomingData(ServerState& server) : server_(server) {}

  // A database of it, made when first asked for. REQUIRES: the server has one of this number.
  Keyspace& Database(int index);
  // Those who watch, track or wait for keys are told.
  void TakePlace();
  void Drop();

  // Frees about `max_entries` of what was left; true while there is more.
  bool FreeSome(std::size_t max_entries);
  std::size_t PendingFrees() const;
  std::size_t Bytes() const;  // of all that is not served

 private:
  void FreeLater(std::unique_ptr<Keyspace> database);

  ServerState& server_;
  std::map<int, std::unique_ptr<Keyspace>> databases_;
  std::deque<std::unique_ptr<Keyspace>> left_;
};

}  // namespace slotway::storage
