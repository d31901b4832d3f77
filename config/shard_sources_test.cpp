// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <unistd.h>

#include "config/shard_schema.h"
#include "config/shard_settings.h"
#include "config/yaml_reader.h"

namespace slotway::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Args = std::vector<std::string>;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slotway_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    return (directory_ / name).string();
  }
  std::string Text(const std::string& name) {
    std::ifstream stream(directory_ / name);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }

  std::filesystem::path directory_;
};
using ShardSources = Files;
using ShardRewrite = Files;

std::string YamlError(const std::string& yaml) {
  ShardSettings settings;
  auto error = settings.ApplyYaml(yaml, "s.yaml");
  EXPECT_TRUE(!error || settings.values() == ShardConfig()) << "a failed read changed something";
  return error ? error->Render() : "";
}

std::string ConfError(const std::string& text) {
  ShardSettings settings;
  auto error = settings.ApplyRedisConf(text, "s.conf");
  EXPECT_TRUE(!error || settings.values() == ShardConfig()) << "a failed read changed something";
  return error ? error->Render() : "";
}

TEST_F(ShardSources, TheShippedFileSaysTheDefaults) {
  std::filesystem::path file = std::filesystem::path(SLOTWAY_TEST_DATA) / "../../config/shard.yaml";
  ShardSettings settings;
  auto error = settings.ApplyFile(file);
  ASSERT_FALSE(error) << error->Render();
  EXPECT_TRUE(settings.values() == ShardConfig());
  std::string text;
  ASSERT_FALSE(ReadFile(file.string(), text));
  YamlDocument document(text, file.string());
  for (const Setting& setting : ShardSchema()) {
    if (setting.Is(kHidden) || setting.Is(kFileOnly)) continue;
    EXPECT_NE(document.LineOf(std::string(setting.name)), 0) << setting.name << " is missing";
  }
}

TEST_F(ShardSources, Yaml) {
  ShardSettings settings;
  auto error = settings.ApplyYaml(R"(
port: 7000
bind: [127.0.0.1, "::1"]
cluster-enabled: true
maxmemory: 1gb
requirepass: "p w"
client-output-buffer-limit: [normal 1 2 3, pubsub 4 5 6]
hash-max-ziplist-entries: 9
save: []
)",
                                  "s.yaml");
  ASSERT_FALSE(error) << error->Render();
  const ShardConfig& config = settings.values();
  EXPECT_EQ(config.port, 7000);
  EXPECT_THAT(config.bind, ElementsAre("127.0.0.1", "::1"));
  EXPECT_TRUE(config.cluster_enabled);
  EXPECT_EQ(config.maxmemory_bytes, 1ull << 30);
  EXPECT_EQ(config.requirepass, "p w");
  EXPECT_EQ(config.client_output_buffer_limit[kClientPubsub], (ClientOutputLimit{4, 5, 6}));
  EXPECT_EQ(config.hash_max_listpack_entries, 9u);
}

TEST_F(ShardSources, YamlErrors) {
  struct Case {
    std::string yaml, error;
  } cases[] = {
      {"prt: 1\n", "s.yaml:1: unknown setting 'prt' (did you mean 'port'?)"},
      {"hz: 10\nport: abc\n", "s.yaml:2: port: argument couldn't be parsed into an integer"},
      {"port: [1]\n", "s.yaml:1: port: needs a single value"},
      {"logfile:\n", "s.yaml:1: logfile: needs a value (\"\" for none)"},
      {"port: 1\nport: 2\n", "s.yaml:2: port: is set twice"},
      {"daemonize: yes\n",
       "s.yaml:1: daemonize: only 'no' is supported: the shard runs in the foreground, under its "
       "supervisor"},
      {"user: [bob off, bob on]\n",
       "s.yaml:1: user: Error in user declaration 'bob': Duplicate user found. A user can only be "
       "defined once in config files"},
      {"io-threads: 4\n",
       "s.yaml:1: io-threads: only '1' is supported: commands run on one engine thread"},
      {"requirepass-file: /nonexistent\n",
       "s.yaml:1: requirepass-file: /nonexistent: No such file or directory"},
      {"port: {a: 1}\n", "s.yaml:1: port: needs a single value"},
      {"port: 1\nhz: [\n", "s.yaml:3: is not valid YAML: end of sequence flow not found"},
  };
  for (const Case& c : cases) EXPECT_EQ(YamlError(c.yaml), c.error) << c.yaml;
}

TEST_F(ShardSources, RedisConf) {
  ShardSettings settings;
  auto error = settings.ApplyRedisConf(
      "# comment\n\n  port 7000\r\nbind 127.0.0.1 ::1\nrequirepass \"p w\"\nsave \"\"\n"
      "client-output-buffer-limit replica 1mb 0 0\nCLUSTER-ENABLED YES\n"
      "hz 501",
      "s.conf");
  ASSERT_FALSE(error) << error->Render();
  ASSERT_FALSE(settings.Validate());
  EXPECT_EQ(settings.values().port, 7000);
  EXPECT_THAT(settings.values().bind, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(settings.values().requirepass, "p w");
  EXPECT_TRUE(settings.values().cluster_enabled);
  EXPECT_EQ(settings.values().hz, 500);
}

TEST_F(ShardSources, RedisConfErrors) {
  struct Case {
    std::string text, error;
  } cases[] = {
      {"foo bar\n", "s.conf:1: unknown setting 'foo'"},
      {"\n\nmaxmemroy 1\n", "s.conf:3: unknown setting 'maxmemroy' (did you mean 'maxmemory'?)"},
      {"maxmemory\n", "s.conf:1: maxmemory: wrong number of arguments"},
      {"maxmemory 1 2\n", "s.conf:1: maxmemory: wrong number of arguments"},
      {"oom-score-adj-values\n", "s.conf:1: oom-score-adj-values: wrong number of arguments"},
      {"save 900\n", "s.conf:1: save: Invalid save parameters"},
      {"port 1\nport abc\n", "s.conf:2: port: argument couldn't be parsed into an integer"},
      {"requirepass \"a b", "s.conf:1: unbalanced quotes"},
      {"appendfilename a/b\n",
       "s.conf:1: appendfilename: appendfilename can't be a path, just a filename"},
      {"dbfilename a/b\n", "s.conf:1: dbfilename: dbfilename can't be a path, just a filename"},
      {"replicaof a b c\n", "s.conf:1: replicaof: wrong number of arguments"},
      {"replicaof a x\n", "s.conf:1: replicaof: Invalid master port"},
      {"dir /nonexistent\n", "s.conf:1: dir: No such file or directory"},
      {"include /nonexistent\n", "s.conf:1: include: /nonexistent: No such file or directory"},
      {"bind a b c d e f g h i j k l m n o p q\n",
       "s.conf:1: bind: Too many bind addresses specified."},
      {"rename-command get x\n", "s.conf:1: unknown setting 'rename-command'"},
  };
  for (const Case& c : cases) EXPECT_EQ(ConfError(c.text), c.error) << c.text;
}

TEST_F(ShardSources, TheConfigFileOfADistributionLoads) {
  // The directives a Debian package's redis.conf sets, less `daemonize yes`.
  ShardSettings settings;
  auto error = settings.ApplyRedisConf(
      "bind 127.0.0.1 -::1\nprotected-mode yes\nport 6379\ntcp-backlog 511\ntimeout 0\n"
      "tcp-keepalive 300\npidfile /run/redis/redis-server.pid\nloglevel notice\ndatabases 16\n"
      "always-show-logo no\nset-proc-title yes\n"
      "proc-title-template \"{title} {listen-addr} {server-mode}\"\n"
      "stop-writes-on-bgsave-error yes\nrdbcompression yes\nrdbchecksum yes\n"
      "dbfilename dump.rdb\nrdb-del-sync-files no\ndir /\nreplica-serve-stale-data yes\n"
      "replica-read-only yes\nrepl-diskless-sync yes\nrepl-diskless-sync-delay 5\n"
      "repl-diskless-load disabled\nrepl-disable-tcp-nodelay no\nreplica-priority 100\n"
      "acllog-max-len 128\nlazyfree-lazy-eviction no\noom-score-adj no\n"
      "oom-score-adj-values 0 200 800\ndisable-thp yes\nappendonly no\n"
      "appendfilename \"appendonly.aof\"\nappenddirname \"appendonlydir\"\n"
      "slowlog-log-slower-than 10000\nnotify-keyspace-events \"\"\n"
      "client-output-buffer-limit normal 0 0 0\n"
      "client-output-buffer-limit replica 256mb 64mb 60\nhz 10\ndynamic-hz yes\n"
      "aof-rewrite-incremental-fsync yes\njemalloc-bg-thread yes\n",
      "redis.conf");
  EXPECT_FALSE(error) << error->Render();
}

TEST_F(ShardSources, IncludesAreReadInPlace) {
  Write("a.inc", "port 1\nhz 20\n");
  Write("b.inc", "port 2\n");
  std::string directory = directory_.string();
  ShardSettings settings;
  auto error = settings.ApplyRedisConf("port 5\ninclude " + directory + "/*.inc\nhz 30\n", "s");
  ASSERT_FALSE(error) << error->Render();
  EXPECT_EQ(settings.values().port, 2);
  EXPECT_EQ(settings.values().hz, 30);
  Write("loop.inc2", "include " + directory + "/loop.inc2\n");
  error = settings.ApplyRedisConf("include " + directory + "/loop.inc2\n", "s");
  ASSERT_TRUE(error);
  EXPECT_THAT(error->Render(), HasSubstr("nested too deeply"));
  Write("bad.inc3", "port 3\nbad 1\n");
  error = settings.ApplyRedisConf("include " + directory + "/bad.inc3\n", "s");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->Render(), directory + "/bad.inc3:2: unknown setting 'bad'");
}

TEST_F(ShardSources, Options) {
  struct Case {
    Args args;
    std::string error;  // empty: fine
    int64_t port = 6379, hz = 10;
  } cases[] = {
      {{}, ""},
      {{"--port", "7000", "--hz", "20"}, "", 7000, 20},
      {{"--port 7000", "--hz", "20"}, "", 7000, 20},
      {{"--save", "", "--port", "7"}, "", 7},
      {{"--save", "--port", "7"}, "", 7},
      {{"--port", "7", "--save"}, "", 7},
      {{"--port", "7", "--port", "8"}, "", 8},
      {{"--bind", "127.0.0.1", "::1", "--port", "9"}, "", 9},
      {{"--requirepass", "--odd", "--port", "9"}, "", 9},
      {{"--port"}, "command line: port: wrong number of arguments"},
      {{"--foo", "1"}, "command line: unknown setting 'foo'"},
      {{"port", "1"}, "port: No such file or directory"},
      {{"--port", "1", "2"}, "command line: port: wrong number of arguments"},
      {{"--cluster-enabled", "yes", "--port", "60000"},
       "cluster-port: must be set, since port + 10000 is above 65535"},
  };
  for (const Case& c : cases) {
    auto settings = ShardSettings::FromCommandLine(c.args);
    EXPECT_EQ(settings ? "" : settings.error().Render(), c.error) << testing::PrintToString(c.args);
    if (!settings) continue;
    EXPECT_EQ(settings->values().port, c.port);
    EXPECT_EQ(settings->values().hz, c.hz);
    EXPECT_EQ(settings->values().dir, std::filesystem::current_path().string());
  }
}

TEST_F(ShardSources, OptionsWinOverTheFile) {
  for (auto [name, text] :
       {std::pair("s.conf", "port 7000\nhz 20\n"), std::pair("s.yaml", "port: 7000\nhz: 20\n")}) {
    Args args = {Write(name, text), "--port", "7001"};
    auto settings = ShardSettings::FromCommandLine(args);
    ASSERT_TRUE(settings) << settings.error().Render();
    EXPECT_EQ(settings->values().port, 7001);
    EXPECT_EQ(settings->values().hz, 20);
    EXPECT_EQ(settings->config_file(), args[0]);
  }
}

TEST_F(ShardSources, SecretsFromFiles) {
  Write("pass", "s3cret\n");
  auto settings = ShardSettings::FromCommandLine(Args{Write("s.yaml", "requirepass-file: pass\n")});
  ASSERT_TRUE(settings) << settings.error().Render();
  EXPECT_EQ(settings->values().requirepass, "s3cret");
  ASSERT_EQ(settings->Set("hz", "20"), std::nullopt);
  ASSERT_EQ(settings->Rewrite(), std::nullopt);
  EXPECT_THAT(Text("s.yaml"), testing::Not(HasSubstr("s3cret")));
}

TEST_F(ShardRewrite, KeepsTheFileAndChangesWhatChanged) {
  std::string directory = directory_.string();
  std::string file = Write("s.conf",
                           "# my file\nport 7000\nmaxmemory 1gb   \n\n# two\nhz 10\nhz 20\n"
                           "requirepass \"a b\"\ndir " +
                               directory + "\n");
  auto settings = ShardSettings::FromCommandLine(Args{file});
  ASSERT_TRUE(settings) << settings.error().Render();
  ASSERT_EQ(settings->Set("hz", "30"), std::nullopt);
  ASSERT_EQ(settings->Set("requirepass", "c \"d"), std::nullopt);
  ASSERT_EQ(settings->Set("maxmemory-samples", "6"), std::nullopt);
  ASSERT_EQ(settings->Set("client-output-buffer-limit", "normal 1 2 3"), std::nullopt);
  ASSERT_EQ(settings->Rewrite(), std::nullopt);
  EXPECT_EQ(Text("s.conf"),
            "# my file\nport 7000\nmaxmemory 1gb   \n\n# two\nhz 30\nrequirepass \"c \\\"d\"\n"
            "dir " +
                directory +
                "\n# Generated by CONFIG REWRITE\nclient-output-buffer-limit normal 1 2 3 slave "
                "268435456 67108864 60 pubsub 33554432 8388608 60\nmaxmemory-samples 6\n");
  std::string once = Text("s.conf");
  ASSERT_EQ(settings->Rewrite(), std::nullopt);
  EXPECT_EQ(Text("s.conf"), once);
  auto again = ShardSettings::FromCommandLine(Args{file});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->values() == settings->values());
}

TEST_F(ShardRewrite, Yaml) {
  std::string directory = directory_.string();
  std::string file = Write("s.yaml", "# mine\nport: 7000\ndir: " + directory +
                                         "\nbind:\n  - 127.0.0.1\n  - ::1\nhz: 20 # fast\n");
  auto settings = ShardSettings::FromCommandLine(Args{file});
  ASSERT_TRUE(settings) << settings.error().Render();
  ASSERT_EQ(settings->Set("bind", "127.0.0.1"), std::nullopt);
  ASSERT_EQ(settings->Set("requirepass", "q\"\\x"), std::nullopt);
  ASSERT_EQ(settings->Set("maxmemory", "1kb"), std::nullopt);
  ASSERT_EQ(settings->Rewrite(), std::nullopt);
  EXPECT_EQ(Text("s.yaml"), "# mine\nport: 7000\ndir: " + directory +
                                "\nbind: \"127.0.0.1\"\nhz: 20 # fast\n"
                                "# Generated by CONFIG REWRITE\nrequirepass: \"q\\\"\\\\x\"\n"
                                "maxmemory: 1024\n");
  auto again = ShardSettings::FromCommandLine(Args{file});
  ASSERT_TRUE(again) << again.error().Render();
  EXPECT_TRUE(again->values() == settings->values());
}

TEST_F(ShardRewrite, NeedsAFile) {
  ShardSettings settings;
  EXPECT_EQ(settings.Rewrite(), "ERR The server is running without a config file");
}

}  // namespace
}  // namespace slotway::config
