// SPDX-License-Identifier: Apache-2.0
// Asks several nodes the same questions at once, until enough of them have answered.
//
// Names are resolved anew each time; a name with several addresses is asked at several, an address
// that comes twice once. Belongs to its loop's thread; destroying it gives the survey up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "protocol/topology.h"
#include "proxy/backend/control_query.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class NodeSurvey {
 public:
  struct Answer {
    protocol::Endpoint from;  // numeric
    std::size_t place = 0;    // of the node among those that were to be asked
    ControlQuery::Answers replies;
  };
  struct Plan {
    std::vector<protocol::Endpoint> nodes;
    std::size_t addresses_max = 0;  // per name
    Questions questions;
    BackendLogin login;
    std::uint64_t timeout_ms = 0;
    // What is wrong with an answer; empty if it is of use.
    std::function<std::string(const Answer&)> take;
    // Whether the answers so far are enough, so that the others get little time. After each take.
    std::function<bool()> is_enough;
    // The survey is over: everybody answered or failed, or enough did. May begin another one.
    std::function<void()> on_end;
  };

  explicit NodeSurvey(runtime::EventLoop& loop) : loop_(loop), patience_(loop) {}

  // Gives up what is under way.
  void Begin(Plan plan);

  // Of the last survey: why somebody did not answer, and the addresses without a useful answer.
  const std::string& Error() const { return error_; }
  const std::vector<protocol::Endpoint>& Silent() const { return silent_; }

 private:
  void Resolve(std::size_t place);
  void Ask(std::size_t place, const runtime::SocketAddress& address);
  void Take(Answer answer);
  void Fail(std::string error) { error_ = std::move(error); }
  void OneFewerPending();
  void End();

  runtime::EventLoop& loop_;
  runtime::Timer patience_;  // ends a survey that has enough answers
  Plan plan_;
  std::list<std::unique_ptr<ControlQuery>> queries_;
  std::vector<protocol::Endpoint> silent_;
  std::string error_;
  std::size_t pending_ = 0;
  std::uint64_t surveys_ = 0;
  bool is_running_ = false;
  // shared: answers of a name server may come after this object.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace slotway::proxy
