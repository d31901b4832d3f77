// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/pod_scale.h"

#include <charconv>
#include <fmt/core.h>
#include <fstream>
#include <utility>

#include "runtime/blocking_client.h"
#include "runtime/http_get.h"
#include "runtime/tls_context.h"

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;

constexpr std::uint64_t kAnswerMs = 5'000;
constexpr int kFound = 200;

Result<std::string> FirstLine(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line) || line.empty()) return Fail(file + " can not be read");
  return line;
}

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// What stands behind "name" and its colon; empty if it is not there.
std::string_view Behind(std::string_view json, std::string_view name) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::size_t at = json.find(fmt::format("\"{}\"", name));
  if (at == json.npos) return {};
  at = json.find_first_not_of(kSpace, at + name.size() + 2);
  if (at == json.npos || json[at] != ':') return {};
  at = json.find_first_not_of(kSpace, at + 1);
  return at == json.npos ? std::string_view() : json.substr(at);
}

}  // namespace

Result<int> ReadScale(std::string_view json) {
  std::string_view spec = Behind(json, "spec");
  if (Behind(json, "kind").substr(0, 7) != "\"Scale\"" || !spec.starts_with('{')) {
    return Fail("what Kubernetes answered is no Scale");
  }
  spec = spec.substr(0, spec.find('}'));
  const std::string_view replicas = Behind(spec, "replicas");
  if (replicas.empty()) return 0;
  const auto number = Number(replicas.substr(0, replicas.find_first_not_of("0123456789")));
  if (!number) return Fail("what Kubernetes answered is no Scale");
  return *number;
}

Result<int> AskPodScale(const PodScaleQuestion& question) {
  auto token = FirstLine(question.account_dir + "/token");
  if (!token) return tl::unexpected(token.error());
  auto place = FirstLine(question.account_dir + "/namespace");
  if (!place) return tl::unexpected(place.error());
  const auto port = Number(question.port);
  if (question.host.empty() || !port) return Fail("this is no pod: KUBERNETES_SERVICE_HOST is not set");
  runtime::TlsSettings settings;
  settings.ca_file = question.account_dir + "/ca.crt";
  auto context = runtime::TlsContext::Make(settings, runtime::TlsContext::Side::kClient);
  if (!context) return tl::unexpected(context.error());
  auto server = runtime::BlockingClient::Connect(
      question.host, static_cast<std::uint16_t>(*port), kAnswerMs,
      runtime::TlsStream::ForClient(**context, question.host, runtime::TlsStream::Verify::kName));
  if (!server) return tl::unexpected(server.error());
  auto answer = runtime::HttpGet(*server, question.host,
                                 fmt::format("/apis/apps/v1/namespaces/{}/statefulsets/{}/scale", *place,
                                             question.statefulset),
                                 *token);
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status != kFound) {
    return Fail(fmt::format("Kubernetes answers {} to the question how many pods {} has", answer->status,
                            question.statefulset));
  }
  return ReadScale(answer->body);
}

std::optional<int> OrdinalOf(std::string_view host, std::string_view statefulset) {
  host = host.substr(0, host.find('.'));
  if (!host.starts_with(statefulset) || host.substr(statefulset.size(), 1) != "-") return std::nullopt;
  return Number(host.substr(statefulset.size() + 1));
}

std::optional<int> OrdinalOf(std::string_view host) {
  host = host.substr(0, host.find('.'));
  const std::size_t dash = host.rfind('-');
  return dash == host.npos ? std::nullopt : Number(host.substr(dash + 1));
}

}  // namespace slotway::proxy
