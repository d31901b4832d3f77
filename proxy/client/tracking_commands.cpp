// SPDX-License-Identifier: Apache-2.0
// CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.
#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/client/tracking.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;

constexpr std::string_view kTooMany =
    "ERR too many clients with tracking: limits.tracking_clients_max of the proxy is reached";

// An answer that comes later. The session stays while it is owed.
struct LaterAnswer {
  ClientSession& session;
  ReplyQueue& queue;
  ReplyQueue::Sequence place;

  void Give(std::string_view error) const {
    std::string reply;
    protocol::StringSink sink{reply};
    LocalWriter writer(sink, session.State().resp);
    if (error.empty()) {
      writer.Ok();
    } else {
      writer.Error(error);
    }
    queue.Deliver(place, reply);
    session.ReleaseRequests();
  }
};

void SwitchOn(const LaterAnswer& answer, TrackingOptions options) {
  if (answer.session.IsGone()) return answer.Give({});
  answer.session.StartTracking(std::move(options), [answer] { answer.Give({}); });
}

// Asks every worker whether the client to redirect to lives there.
struct Search {
  LaterAnswer answer;
  TrackingOptions options;
  std::size_t missing;
  bool is_found = false;

  void Note(std::size_t worker, bool is_there) {
    if (is_there) {
      is_found = true;
      options.redirect_worker = worker;
    }
    if (--missing > 0) return;
    if (is_found) return SwitchOn(answer, std::move(options));
    answer.Give(protocol::kNoRedirectClient);
  }
};

void FindRedirect(LocalCall& call, const LaterAnswer& answer, TrackingOptions options) {
  const Colleagues& colleagues = call.session.Services().colleagues;
  std::uint64_t target = options.redirect;
  std::size_t own = colleagues.own_index;
  // shared: by the questions that are on their way.
  auto search =
      std::make_shared<Search>(Search{answer, std::move(options), colleagues.count, false});
  for (std::size_t worker = 0; worker < colleagues.count; ++worker) {
    colleagues.post(worker, [target, own, worker, search](WorkerServices& services) {
      ClientSession* client = services.sessions.Find(target);
      bool is_there = client != nullptr && !client->IsGone();
      services.colleagues.post(own, [worker, is_there, search](WorkerServices&) {
        search->Note(worker, is_there);
      });
    });
  }
}

void SetTracking(LocalCall& call) {
  ClientSession& session = call.session;
  Tracking* tracking = session.OwnTracking();
  TrackingOptions options;
  std::string error = protocol::ReadTrackingOptions(call.args.subspan(3), options);
  bool is_on = EqualsNoCase(call.args[2], "on");
  if (error.empty() && !is_on && !EqualsNoCase(call.args[2], "off")) {
    error = protocol::error_text::kSyntax;
  }
  if (!error.empty()) return call.reply.Error(error);
  if (!is_on) {
    session.StopTracking();
    return call.reply.Ok();
  }
  const TrackingOptions* now = tracking == nullptr ? nullptr : &tracking->Options();
  error = protocol::FindTrackingConflict(now, options);
  if (!error.empty()) return call.reply.Error(error);
  const WorkerServices& services = session.Services();
  std::uint64_t share =
      std::max<std::uint64_t>(1, services.settings.limits.tracking_clients_max /
                                     services.colleagues.count);
  if (tracking == nullptr && services.counters.tracking_clients.Get() >= share) {
    return call.reply.Error(kTooMany);
  }
  if (options.is_bcast && options.prefixes.empty() && now == nullptr) options.prefixes = {""};
  if (now != nullptr) {
    options.prefixes.insert(options.prefixes.begin(), now->prefixes.begin(), now->prefixes.end());
  }
  session.HoldRequests();
  LaterAnswer answer{session, session.Replies(), session.OpenPlace()};
  if (options.redirect != 0) return FindRedirect(call, answer, std::move(options));
  SwitchOn(answer, std::move(options));
}

void SetCaching(LocalCall& call) {
  Tracking* tracking = call.session.OwnTracking();
  Tracking::Caching caching = Tracking::Caching::kUnsaid;
  const protocol::TrackingOptions* options = tracking != nullptr ? &tracking->Options() : nullptr;
  const std::string error = protocol::ReadCaching(options, call.args[2], caching);
  if (!error.empty()) return call.reply.Error(error);
  tracking->SetCaching(caching);
  call.reply.Ok();
}

void ShowTracking(LocalCall& call) {
  const Tracking* tracking = call.session.OwnTracking();
  if (tracking == nullptr) {
    protocol::WriteTrackingInfo(call.reply, nullptr, Tracking::Caching::kUnsaid, false);
  } else {
    protocol::WriteTrackingInfo(call.reply, &tracking->Options(), tracking->GetCaching(),
                                tracking->IsRedirectBroken());
  }
}

void GetRedirect(LocalCall& call) {
  const Tracking* tracking = call.session.OwnTracking();
  call.reply.Integer(tracking == nullptr ? -1
                                         : static_cast<std::int64_t>(tracking->Options().redirect));
}

constexpr std::array kCommands = {
    LocalCommand{"client|tracking", SetTracking, true},
    LocalCommand{"client|caching", SetCaching},
    LocalCommand{"client|trackinginfo", ShowTracking},
    LocalCommand{"client|getredir", GetRedirect},
};

}  // namespace

std::span<const LocalCommand> TrackingCommands() { return kCommands; }

}  // namespace slotway::proxy
