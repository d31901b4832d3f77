// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/node_survey.h"

#include <algorithm>
#include <utility>

#include "runtime/resolver.h"

namespace slotway::proxy {
namespace {

// How long a survey with enough answers waits for the others.
constexpr std::uint64_t kPatienceMs = 100;

}  // namespace

void NodeSurvey::Begin(Plan plan) {
  patience_.Stop();
  queries_.clear();
  silent_.clear();
  error_.clear();
  plan_ = std::move(plan);
  ++surveys_;
  is_running_ = true;
  pending_ = plan_.nodes.size() + 1;  // one more, so that it does not end before all are asked
  for (std::size_t place = 0; place < plan_.nodes.size(); ++place) Resolve(place);
  OneFewerPending();
}

void NodeSurvey::Resolve(std::size_t place) {
  const protocol::Endpoint& node = plan_.nodes[place];
  runtime::Resolve(loop_, node.host, node.port,
                   [this, alive = std::weak_ptr<char>(alive_), survey = surveys_,
                    place](auto addresses) {
                     if (alive.expired() || survey != surveys_ || !is_running_) return;
                     if (addresses) {
                       // A headless service has an address per pod.
                       std::size_t count = std::min(addresses->size(), plan_.addresses_max);
                       for (std::size_t i = 0; i < count; ++i) Ask(place, (*addresses)[i]);
                     } else {
                       Fail(addresses.error().text);
                     }
                     OneFewerPending();
                   });
}

void NodeSurvey::Ask(std::size_t place, const runtime::SocketAddress& address) {
  protocol::Endpoint from{address.Host(), address.Port()};
  if (std::find(silent_.begin(), silent_.end(), from) != silent_.end()) return;
  silent_.push_back(from);
  ++pending_;
  queries_.push_back(std::make_unique<ControlQuery>(
      loop_, address, plan_.login, plan_.questions, plan_.timeout_ms,
      [this, from, place](runtime::Result<ControlQuery::Answers> answers) {
        if (answers) {
          Take({from, place, std::move(*answers)});
        } else {
          Fail(from.host + ":" + std::to_string(from.port) + ": " + answers.error().text);
        }
        OneFewerPending();
      }));
}

void NodeSurvey::Take(Answer answer) {
  std::string fault = plan_.take(answer);
  if (!fault.empty()) {
    Fail(answer.from.host + ":" + std::to_string(answer.from.port) + ": " + fault);
    return;
  }
  std::erase(silent_, answer.from);
  if (!patience_.IsActive() && plan_.is_enough()) {
    patience_.Start(kPatienceMs, 0, [this] { End(); });
  }
}

void NodeSurvey::OneFewerPending() {
  // Deferred: this may run inside a query that the end destroys.
  if (--pending_ == 0) {
    loop_.Defer([this, alive = std::weak_ptr<char>(alive_), survey = surveys_] {
      if (!alive.expired() && survey == surveys_) End();
    });
  }
}

void NodeSurvey::End() {
  if (!is_running_) return;
  is_running_ = false;
  patience_.Stop();
  queries_.clear();
  auto on_end = std::move(plan_.on_end);
  on_end();
}

}  // namespace slotway::proxy
