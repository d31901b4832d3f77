// SPDX-License-Identifier: Apache-2.0
// The subcommands of CLIENT that concern the clients of all workers: LIST, KILL, UNBLOCK, PAUSE.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_filter.h"
#include "proxy/client/client_pause.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/client/worker_gather.h"
#include "proxy/reply/blocked_call.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;

// To describe ten thousand clients takes long: so many are in one iteration of the loop.
constexpr std::size_t kDescribedAtOnce = 100;

// A client's id and its description.
using Described = std::vector<std::pair<std::uint64_t, std::string>>;
// shared: it goes from thread to thread in copies of a task, and is large.
using SharedDescribed = std::shared_ptr<Described>;

// What one worker says, a part in each iteration.
class Listing {
 public:
  Listing(WorkerServices& there, std::function<bool(ClientSession&)> is_wanted,
          std::function<void(SharedDescribed)> done)
      : there_(there), is_wanted_(std::move(is_wanted)), done_(std::move(done)) {
    there.sessions.ForEach([this](ClientSession& session) { ids_.push_back(session.State().id); });
  }

  // shared: by the tasks that go on with it.
  static void Continue(const std::shared_ptr<Listing>& listing) {
    if (!listing->DescribeSome()) return listing->done_(listing->described_);
    listing->there_.loop.DeferToNextTurn([listing] { Continue(listing); });
  }

 private:
  // Whether some are left.
  bool DescribeSome() {
    for (std::size_t i = 0; i < kDescribedAtOnce && !ids_.empty(); ++i) {
      ClientSession* session = there_.sessions.Find(ids_.back());
      ids_.pop_back();
      if (session == nullptr || session->IsGone() || !is_wanted_(*session)) continue;
      described_->emplace_back(session->State().id, DescribeClient(*session));
    }
    return !ids_.empty();
  }

  WorkerServices& there_;
  std::function<bool(ClientSession&)> is_wanted_;
  std::function<void(SharedDescribed)> done_;
  std::vector<std::uint64_t> ids_;  // still to be described
  SharedDescribed described_ = std::make_shared<Described>();
};

void ListThoseWho(LocalCall& call, std::function<bool(ClientSession&)> is_wanted) {
  GatherLater<SharedDescribed>(
      call,
      [is_wanted = std::move(is_wanted)](WorkerServices& there,
                                         std::function<void(SharedDescribed)> done) {
        Listing::Continue(std::make_shared<Listing>(there, is_wanted, std::move(done)));
      },
      [](const std::vector<SharedDescribed>& said, LocalWriter& reply) {
        std::vector<std::pair<std::uint64_t, std::string_view>> all;
        for (const SharedDescribed& there : said) all.insert(all.end(), there->begin(), there->end());
        std::sort(all.begin(), all.end());
        std::string text;
        for (const auto& [id, line] : all) {
          text += line;
          text += '\n';
        }
        reply.Verbatim("txt", text);
      });
}

void List(LocalCall& call) {
  auto args = call.args;
  if (args.size() == 2) return ListThoseWho(call, [](ClientSession&) { return true; });
  if (args.size() == 4 && EqualsNoCase(args[2], "type")) {
    auto kind = ClientKindByName(args[3]);
    if (!kind) {
      return call.reply.Error("ERR Unknown client type '" + std::string(args[3]) + "'");
    }
    return ListThoseWho(call, [kind](ClientSession& session) { return KindOf(session) == *kind; });
  }
  if (args.size() < 4 || !EqualsNoCase(args[2], "id")) {
    return call.reply.Error(protocol::error_text::kSyntax);
  }
  std::vector<std::uint64_t> ids;
  for (std::string_view arg : args.subspan(3)) {
    auto id = protocol::ParseInteger(arg);
    if (!id) return call.reply.Error("ERR Invalid client ID");
    ids.push_back(static_cast<std::uint64_t>(*id));
  }
  std::sort(ids.begin(), ids.end());
  ListThoseWho(call, [ids](ClientSession& session) {
    return std::binary_search(ids.begin(), ids.end(), session.State().id);
  });
}

void Kill(LocalCall& call) {
  auto filter = ReadClientFilter(call.args.subspan(2));
  if (!filter) return call.reply.Error(filter.error());
  if (filter->user && call.session.Services().users->users.Find(*filter->user) == nullptr) {
    return call.reply.Error("ERR No such user '" + *filter->user + "'");
  }
  std::uint64_t asker = call.session.State().id;
  bool is_old_form = call.args.size() == 3;
  GatherFromWorkers<std::int64_t>(
      call,
      [filter = *filter, asker](WorkerServices& there) {
        std::int64_t killed = 0;
        for (ClientSession* session : there.sessions.All()) {
          bool is_asker = session->State().id == asker;
          if (session->IsGone() || (is_asker && filter.skips_asker)) continue;
          if (!filter.Matches(*session)) continue;
          ++killed;
          if (is_asker) {
            session->CloseWhenAnswered();  // it is owed the reply to this
          } else {
            session->Cut("CLIENT KILL");
          }
        }
        return killed;
      },
      [is_old_form](const std::vector<std::int64_t>& said, LocalWriter& reply) {
        std::int64_t killed = 0;
        for (std::int64_t there : said) killed += there;
        if (!is_old_form) return reply.Integer(killed);
        if (killed > 0) return reply.Ok();
        reply.Error("ERR No such client");
      });
}

void Unblock(LocalCall& call) {
  if (call.args.size() > 4) {
    return call.reply.Error(protocol::error_text::WrongSubcommandUse("client", call.args[1]));
  }
  bool with_error = call.args.size() == 4 && EqualsNoCase(call.args[3], "error");
  if (call.args.size() == 4 && !with_error && !EqualsNoCase(call.args[3], "timeout")) {
    return call.reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  auto id = protocol::ParseInteger(call.args[2]);
  if (!id) return call.reply.Error(protocol::error_text::kNotInteger);
  GatherLater<char>(
      call,
      [id = static_cast<std::uint64_t>(*id), with_error](WorkerServices& there,
                                                         std::function<void(char)> say) {
        ClientSession* session = there.sessions.Find(id);
        bool is_blocked = session != nullptr && session->IsBlocked();
        if (!is_blocked) return say(false);
        session->BlockedRequest()->Unblock(with_error, say);
      },
      [](const std::vector<char>& said, LocalWriter& reply) {
        reply.Integer(std::count(said.begin(), said.end(), true));
      });
}

void AnswerWhenAllHave(LocalCall& call, std::function<void(WorkerServices&)> done) {
  GatherFromWorkers<char>(
      call,
      [done = std::move(done)](WorkerServices& there) {
        done(there);
        return char{};
      },
      [](const std::vector<char>&, LocalWriter& reply) { reply.Ok(); });
}

void Pause(LocalCall& call) {
  auto args = call.args;
  if (args.size() > 4) {
    return call.reply.Error(protocol::error_text::WrongSubcommandUse("client", args[1]));
  }
  bool holds_all = args.size() == 3 || EqualsNoCase(args[3], "all");
  if (!holds_all && !EqualsNoCase(args[3], "write")) {
    return call.reply.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  auto ms = protocol::ParseInteger(args[2]);
  if (!ms) return call.reply.Error("ERR timeout is not an integer or out of range");
  if (*ms < 0) return call.reply.Error("ERR timeout is negative");
  AnswerWhenAllHave(call, [for_ms = static_cast<std::uint64_t>(*ms),
                           holds_all](WorkerServices& there) {
    PauseClients(there, for_ms, holds_all);
  });
}

void Unpause(LocalCall& call) { AnswerWhenAllHave(call, UnpauseClients); }

constexpr std::array kCommands = {
    LocalCommand{"client|list", List},       LocalCommand{"client|kill", Kill},
    LocalCommand{"client|unblock", Unblock}, LocalCommand{"client|pause", Pause},
    LocalCommand{"client|unpause", Unpause},
};

}  // namespace

std::span<const LocalCommand> ClientAdminCommands() { return kCommands; }

}  // namespace slotway::proxy
