// SPDX-License-Identifier: Apache-2.0
// A worker's clients, by id. Belongs to its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proxy/client/client_session.h"

namespace slotway::proxy {

class SessionRegistry {
 public:
  ClientSession& Add(std::unique_ptr<ClientSession> session) {
    ClientSession& added = *session;
    sessions_.emplace(added.State().id, std::move(session));
    return added;
  }
  void Erase(std::uint64_t id) { sessions_.erase(id); }
  // nullptr if it is not one of this worker's.
  ClientSession* Find(std::uint64_t id) const {
    auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.get();
  }
  // A copy: what is done to one may end others. A session is erased later, never at once.
  std::vector<ClientSession*> All() const {
    std::vector<ClientSession*> all;
    all.reserve(sessions_.size());
    for (const auto& [id, session] : sessions_) all.push_back(session.get());
    return all;
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const auto& [id, session] : sessions_) visit(*session);
  }
  std::size_t Size() const { return sessions_.size(); }
  bool Empty() const { return sessions_.empty(); }

 private:
  std::unordered_map<std::uint64_t, std::unique_ptr<ClientSession>> sessions_;
};

}  // namespace slotway::proxy
