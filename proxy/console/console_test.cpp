// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "proxy/client/session_fixture.h"

namespace slotway::proxy {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

class ConsoleTest : public SessionFixture {
 protected:
  void Open() {
    Begin();
    book_.KeepIn([this](UserBook::Edit edit, std::function<void(UserBook::Problem)> done) {
      auto edited = edit(text_);
      if (edited) book_.TakeChanges(text_ = *edited);
      done(edited ? std::nullopt : UserBook::Problem(edited.error()));
    });
    audit_.TellTo(audit_events_);
    // shared: as a worker's snapshot is.
    auto topology = std::make_shared<protocol::Topology>(*services_->topology);
    topology->version = 7;
    services_->topology = topology;
    ConsoleSources sources{
        loop_, settings_, book_, audit_, cluster_events_, audit_events_,
        [this] { return services_->topology; },
        [] { return std::vector<ReplicaMonitor::Standing>(); },
        [this] {
          ProcessFacts facts;
          facts.clients = sessions_.Size();
          facts.run_id = "0123456789";
          return facts;
        },
        [this] { return counts_; },
        [](std::string&) { return true; },
        [](std::size_t) {
          return std::vector<ConsoleSlowRequest>{{5, 20000, 7, {"get", "a\xff"}, "1.2.3.4:5", "x:1"}};
        },
        [](std::size_t) { return std::vector<ConsoleHotKey>{{"hot", 12.5, 0.25}}; },
        1,
        [this](std::size_t, auto task) { loop_.Post([=, this] { task(*services_); }); }};
    console_ = std::make_unique<Console>(std::move(sources));
    console_->AddRoutes(routes_);
  }
  // The answer, when there is one.
  runtime::HttpResponse Ask(const std::string& path, const std::string& query = "") {
    runtime::HttpRequest request;
    request.path = path;
    request.query = query;
    return Send(request);
  }
  runtime::HttpResponse Post(const std::string& path, const std::string& body,
                             bool is_from_page = true) {
    runtime::HttpRequest request;
    request.path = path;
    request.is_post = true;
    request.body = body;
    if (is_from_page) request.headers.emplace_back("x-slotway-console", "1");
    return Send(request);
  }
  runtime::HttpResponse Send(runtime::HttpRequest request) {
    request.peer = *runtime::SocketAddress::FromNumeric("127.0.0.1", 1);
    request.headers.emplace_back("host", "127.0.0.1:32280");
    if (!cookie_.empty()) request.headers.emplace_back("cookie", cookie_);
    std::optional<runtime::HttpResponse> response;
    const auto& route = routes_.at(request.path);
    EXPECT_EQ(route.takes_post, request.is_post);
    route.handler(request, [&](runtime::HttpResponse answer) { response = std::move(answer); });
    EXPECT_TRUE(RunUntil(loop_, [&] { return response.has_value(); }));
    return *response;
  }
  void LogIn(const std::string& user, const std::string& password) {
    auto response = Post("/api/login", "user=" + user + "&password=" + password);
    ASSERT_EQ(response.status, 200) << response.body;
    for (const auto& [name, value] : response.headers) {
      if (name == "Set-Cookie") cookie_ = value.substr(0, value.find(';'));
    }
  }
  json State(const std::string& query = "") { return json::parse(Ask("/api/state", query).body); }

  std::string text_;
  ConsoleCounts counts_;
  RecentEvents cluster_events_, audit_events_;
  runtime::HttpServer::Routes routes_;
  std::unique_ptr<Console> console_;
  std::string cookie_;
};

TEST_F(ConsoleTest, ThePageComesWithAStrictPolicy) {
  Open();
  for (const char* path : {"/", "/console"}) {
    auto page = Ask(path);
    EXPECT_THAT(page.body, HasSubstr("<title>Slotway</title>"));
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(page.headers, Contains(Pair("Content-Security-Policy",
                                            HasSubstr("default-src 'none'; script-src 'self'"))));
  }
  EXPECT_EQ(Ask("/console/console.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(Ask("/console/console.js").content_type, "text/javascript; charset=utf-8");
}

TEST_F(ConsoleTest, WhatThePageNamesIsThere) {
  Open();
  const std::string page = Ask("/").body;
  for (std::size_t at = page.find("\"console/"); at != std::string::npos;
       at = page.find("\"console/", at + 1)) {
    const std::string name = page.substr(at + 1, page.find('"', at + 1) - at - 1);
    EXPECT_TRUE(routes_.contains("/" + name)) << name;
  }
  EXPECT_EQ(page.find("style="), std::string::npos) << "the policy forbids it";
  EXPECT_EQ(page.find("onclick"), std::string::npos);
}

TEST_F(ConsoleTest, StateHasSlotsNodesAndEvents) {
  Open();
  auto state = State();
  EXPECT_EQ(state["slots"], json::parse("[[0, 8191, 0], [8192, 16383, 1]]"));
  ASSERT_EQ(state["nodes"].size(), 2u);
  EXPECT_EQ(state["nodes"][0]["address"], "127.0.0.1:" + std::to_string(x_.Port()));
  EXPECT_TRUE(state["proxy"]["ready"]);
  EXPECT_TRUE(state["viewer"]["sees_all"]);
  // What the page has already is not told again.
  EXPECT_TRUE(State("topology=7")["slots"].is_null());
  cluster_events_.Note(std::vector<RecentEvents::Field>{{"event", "failover"}, {"node", "a:1"}}, 5);
  EXPECT_EQ(State()["events"][0]["node"], "a:1");
  EXPECT_EQ(State("event=1")["events"].size(), 0u);
}

TEST_F(ConsoleTest, NodesAreAskedWhileSomebodyLooks) {
  x_.Answer([](const std::vector<std::string>& words) -> std::string {
    return words[0] == "INFO" ? "$15\r\nused_memory:7\r\n\r\n" : "-ERR\r\n";
  });
  Open();
  EXPECT_FALSE(State()["nodes"][0]["info"].contains("used_memory"));
  EXPECT_TRUE(RunUntil(loop_, [&] {
    return State()["nodes"][0]["info"].contains("used_memory");
  }));
}

TEST_F(ConsoleTest, ClientsAreThoseOfClientList) {
  Open();
  auto client = Connect();
  client->Send("CLIENT SETNAME \"me\"\r\n");
  ASSERT_TRUE(Received(*client, "+OK\r\n"));
  auto clients = json::parse(Ask("/api/clients").body);
  EXPECT_EQ(clients["total"], 1);
  EXPECT_THAT(clients["clients"][0].get<std::string>(), HasSubstr(" name=me "));
}

TEST_F(ConsoleTest, SlowCommandsAndHotKeys) {
  Open();
  auto slow = json::parse(Ask("/api/slow").body);
  EXPECT_EQ(slow[0]["args"], json::parse("[\"get\", \"a\\ufffd\"]"));
  EXPECT_EQ(slow[0]["took_us"], 20000);
  auto hot = json::parse(Ask("/api/hot").body);
  EXPECT_EQ(hot[0]["key"], "hot");
  EXPECT_EQ(hot[0]["share"], 0.25);
}

TEST_F(ConsoleTest, SecretsAreForAdministrators) {
  settings_.auth.password = "secret";
  settings_.auth.users = {"reader on >pw ~* +@read"};
  Open();
  for (const char* path : {"/api/clients", "/api/users", "/api/audit", "/api/slow", "/api/hot"}) {
    EXPECT_EQ(Ask(path).status, 401) << path;
  }
  EXPECT_EQ(Ask("/api/state").status, 200);
  EXPECT_EQ(Post("/api/login", "user=default&password=wrong").status, 403);
  EXPECT_EQ(Post("/api/login", "user=reader&password=pw").status, 403);
  EXPECT_EQ(Post("/api/login", "user=default&password=secret", false).status, 403);
  LogIn("default", "secret");
  EXPECT_EQ(State()["viewer"]["user"], "default");
  const std::string users = Ask("/api/users").body;
  EXPECT_THAT(users, HasSubstr("\"reader\""));
  EXPECT_EQ(users.find("30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"),
            std::string::npos)
      << "a digest of a password";
  auto audit = json::parse(Ask("/api/audit").body);
  EXPECT_EQ(audit[0]["event"], "login_refused");
  EXPECT_EQ(audit.back()["event"], "login");
  EXPECT_EQ(Post("/api/logout", "").status, 200);
  EXPECT_EQ(Ask("/api/users").status, 401);
}

TEST_F(ConsoleTest, UsersAreChangedOnlyWhereThatIsAllowed) {
  settings_.auth.password = "secret";
  Open();
  LogIn("default", "secret");
  EXPECT_EQ(Post("/api/users/set", "name=bob&rules=on").status, 403);
}

TEST_F(ConsoleTest, UsersAreChanged) {
  settings_.auth.password = "secret";
  settings_.admin.console_edits_users = true;
  Open();
  EXPECT_EQ(Post("/api/users/set", "name=bob&rules=on").status, 403);
  LogIn("default", "secret");
  EXPECT_EQ(Post("/api/users/set", "name=bob&rules=on").status, 200);
  EXPECT_EQ(Post("/api/users/set", "name=bob&rules=%3Epw+~a%3A*+%2B%40read").status, 200);
  EXPECT_EQ(Post("/api/users/set", "name=bob&rules=on", false).status, 403) << "from another page";
  const auto* bob = book_.Current()->users.Find("bob");
  ASSERT_NE(bob, nullptr);
  EXPECT_TRUE(bob->Accepts("pw", RulesContext().hash));
  auto refused = Post("/api/users/set", "name=bob&rules=%2Bnosuchcommand");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("Unknown command"));
  EXPECT_EQ(Post("/api/users/set", "name=two+words&rules=on").status, 400);
  EXPECT_EQ(Post("/api/users/delete", "name=default").status, 400);
  EXPECT_EQ(Post("/api/users/delete", "name=bob").status, 200);
  EXPECT_EQ(Post("/api/users/delete", "name=bob").status, 400);
  const std::string audit = Ask("/api/audit").body;
  EXPECT_THAT(audit, HasSubstr("SETUSER bob >*** ~a:* +@read"));
  EXPECT_THAT(audit, HasSubstr("DELUSER bob"));
}

TEST(ConsoleForm, Values) {
  EXPECT_EQ(FormValue("a=1&b=x+y%2Fz%", "b"), "x y/z%");
  EXPECT_EQ(FormValue("a=1&bb=2", "b"), "");
  EXPECT_EQ(FormValue("a&b", "a"), "");
  EXPECT_EQ(FormValue("b=%e4%BD%a0%zz", "b"), "\xe4\xbd\xa0%zz");
  EXPECT_EQ(FormValue("", "b"), "");
}

TEST(ConsoleQuantile, OfCountsByPowersOfTwo) {
  std::vector<std::uint64_t> counts(29);
  EXPECT_EQ(QuantileOf(counts, 0.99), 0);
  counts[7] = 100;  // 64 to 128
  EXPECT_NEAR(QuantileOf(counts, 0.5), 96, 1);
  counts[10] = 100;  // 512 to 1024
  EXPECT_NEAR(QuantileOf(counts, 0.25), 96, 1);
  EXPECT_NEAR(QuantileOf(counts, 0.99), 1013, 2);
}

}  // namespace
}  // namespace slotway::proxy
