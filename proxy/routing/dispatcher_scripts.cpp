// SPDX-License-Identifier: Apache-2.0
// The dispatcher's way with scripts that are run by their digests.
#include <utility>

#include "protocol/error_reply.h"
#include "proxy/routing/dispatcher.h"
#include "proxy/routing/script_request.h"

namespace slotway::proxy {

// Only a script that is known by now is loaded when the shard lacks it: what the client shows later
// in its pipeline must not help what it asked before.
void Dispatcher::SendByDigest(std::string_view bytes, const InFlight& request) {
  std::string digest = ScriptLoader::DigestOf(bytes);
  BackendConnection* backend = TargetOf(request);
  InFlight marked = request;
  if (backend == nullptr) {
    marked.is_by_digest = scripts_->Find(digest) != nullptr;
  } else {
    auto loading = script_loader_.LoadAhead(*scripts_, *backend, digest);
    marked.is_by_digest = loading != ScriptLoader::Loading::kUnknownScript;
    // If that is refused, what comes next must not run before this.
    if (loading == ScriptLoader::Loading::kBegun) MarkHeldBack(marked);
  }
  Send(bytes, marked);
}

// At once and not when the shard has answered: what its client sends next may run it elsewhere.
void Dispatcher::SendScriptText(std::span<const std::string_view> args, std::string_view bytes,
                                InFlight request) {
  request.shows_script = HasSoundKeyCount(args);
  if (request.shows_script) scripts_->Remember(args[1]);
  Send(bytes, request);
}

void Dispatcher::ForgetRefused(BackendConnection& backend, std::string_view reply) {
  if (!IsScriptRefusal(reply)) return;
  scripts_->Forget(ScriptLoader::DigestOf(backend.FrontRequest()));  // EVAL has its text there
}

void Dispatcher::SendAgain(std::string_view bytes, const InFlight& request) {
  if (request.is_by_digest) return SendByDigest(bytes, request);
  Send(bytes, request);
}

// The shard does not know the script, but we may.
bool Dispatcher::LoadScript(BackendConnection& backend, InFlight& request, std::string_view reply) {
  std::string bytes = backend.FrontRequest();
  if (++request.redirects > settings_.retry.redirects_max) return false;
  if (!script_loader_.NoteUnknown(*scripts_, backend, ScriptLoader::DigestOf(bytes))) return false;
  counters_.retried.Add();
  MarkHeldBack(request);
  InFlight again = request;
  AwaitFollowers(backend);
  if (MustWaitInLine(again)) {
    Hold(std::move(bytes), again, protocol::ErrorTextOf(reply), 0);
  } else {
    SendByDigest(bytes, again);
  }
  return true;
}

}  // namespace slotway::proxy
