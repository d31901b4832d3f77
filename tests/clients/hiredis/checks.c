// SPDX-License-Identifier: Apache-2.0
// hiredis. usage: checks HOST PORT PASSWORD single
// Prints "ok NAME" or "FAIL NAME detail" for each check, or for those that the variable CHECKS names.
//
// A reply is compared as text: (nil), a number, a string, (error) TEXT, [parts in brackets]. In
// commands and replies, ~ stands for the name of this run, which its keys have in them, and @ for
// the name as a hash tag: keys with it share a slot.
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { kTextSize = 8192, kReplySeconds = 15, kUntilBlockedUs = 100000 };

static redisContext* client;
static redisContext* other;
static char run[64];
static char tag[sizeof(run) + 4];
static char failure[kTextSize];  // of the check under way: the first one counts

static void Fail(const char* format, ...) {
  if (failure[0] != '\0') return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure, sizeof(failure), format, arguments);
  va_end(arguments);
}

static void Expand(const char* text, char* out, size_t size) {
  size_t used = 0;
  for (; *text != '\0' && used + sizeof(tag) < size; ++text) {
    if (*text == '@' || *text == '~') {
      used += (size_t)snprintf(out + used, size - used, "%s", *text == '@' ? tag : run);
    } else {
      out[used++] = *text;
    }
  }
  out[used] = '\0';
}

static void Append(char* out, size_t size, const char* text) {
  const size_t used = strlen(out);
  snprintf(out + used, size - used, "%s", text);
}

static void Render(const redisReply* reply, char* out, size_t size) {
  char number[32];
  switch (reply->type) {
    case REDIS_REPLY_NIL: Append(out, size, "(nil)"); return;
    case REDIS_REPLY_INTEGER:
      snprintf(number, sizeof(number), "%lld", reply->integer);
      Append(out, size, number);
      return;
    case REDIS_REPLY_ERROR: Append(out, size, "(error) "); break;
    case REDIS_REPLY_ARRAY:
      Append(out, size, "[");
      for (size_t i = 0; i < reply->elements; ++i) {
        if (i > 0) Append(out, size, " ");
        Render(reply->element[i], out, size);
      }
      Append(out, size, "]");
      return;
    default: break;
  }
  Append(out, size, reply->str);
}

// `expected` ends in * where only its start counts.
static void Compare(const redisReply* reply, const char* what, const char* expected) {
  char actual[kTextSize] = "", wanted[kTextSize];
  if (reply == NULL) {
    Fail("%s: the connection is lost", what);
    return;
  }
  Render(reply, actual, sizeof(actual));
  Expand(expected, wanted, sizeof(wanted));
  const size_t length = strlen(wanted);
  const int is_start = length > 0 && wanted[length - 1] == '*';
  if (is_start ? strncmp(actual, wanted, length - 1) : strcmp(actual, wanted)) {
    Fail("%s: %.200s is not %.200s", what, actual, wanted);
  }
}

static void Send(redisContext* context, const char* command) {
  char text[kTextSize];
  Expand(command, text, sizeof(text));
  redisAppendCommand(context, text);
}

// After a failure nobody knows what is outstanding: the rest of the check is left out.
static void Receive(redisContext* context, const char* what, const char* expected) {
  if (failure[0] != '\0') return;
  redisReply* reply = NULL;
  redisGetReply(context, (void**)&reply);
  Compare(reply, what, expected);
  freeReplyObject(reply);
}

static void ExpectFrom(redisContext* context, const char* command, const char* expected) {
  Send(context, command);
  Receive(context, command, expected);
}

static void Expect(const char* command, const char* expected) {
  ExpectFrom(client, command, expected);
}

static redisContext* Connect(const char* host, int port, const char* password) {
  const struct timeval timeout = {.tv_sec = kReplySeconds};
  redisContext* context = redisConnectWithTimeout(host, port, timeout);
  if (context == NULL || context->err) {
    fprintf(stderr, "%s\n", context == NULL ? "no memory" : context->errstr);
    exit(2);
  }
  redisSetTimeout(context, timeout);
  redisReply* reply = redisCommand(context, "AUTH %s", password);
  if (reply == NULL || reply->type != REDIS_REPLY_STATUS) exit(2);
  freeReplyObject(reply);
  return context;
}

// `block` is sent, then `wake` by another connection; `expected` is what the first brings.
static void ExpectWoken(const char* block, const char* wake, const char* wake_reply,
                        const char* expected) {
  int is_sent = 0;
  Send(client, block);
  while (!is_sent && redisBufferWrite(client, &is_sent) == REDIS_OK) continue;
  usleep(kUntilBlockedUs);  // poll: nothing tells that another client is blocked by now
  ExpectFrom(other, wake, wake_reply);
  Receive(client, block, expected);
}

static void Strings(void) {
  Expect("SET @s a", "OK");
  Expect("APPEND @s bc", "3");
  Expect("GETRANGE @s 1 2", "bc");
  Expect("SET @s no NX", "(nil)");
  Expect("GETSET @s 7", "abc");
  Expect("INCRBY @s 5", "12");
  Expect("INCRBYFLOAT @s 0.5", "12.5");
  Expect("GETDEL @s", "12.5");
  Expect("GET @s", "(nil)");
}

static void Lists(void) {
  Expect("RPUSH @l a b c", "3");
  Expect("LPUSH @l z", "4");
  Expect("LINSERT @l BEFORE b x", "5");
  Expect("LRANGE @l 0 -1", "[z a x b c]");
  Expect("LPOS @l b", "3");
  Expect("LREM @l 1 x", "1");
  Expect("LPOP @l", "z");
  Expect("RPOP @l", "c");
  Expect("LMOVE @l @l2 LEFT RIGHT", "a");
}

static void Sets(void) {
  Expect("SADD @set:a 1 2 3", "3");
  Expect("SADD @set:b 2 3 4", "3");
  Expect("SINTER @set:a @set:b", "[2 3]");
  Expect("SUNIONSTORE @set:c @set:a @set:b", "4");
  Expect("SMISMEMBER @set:a 1 9", "[1 0]");
  Expect("SMOVE @set:a @set:b 1", "1");
  Expect("SCARD @set:b", "4");
}

static void SortedSets(void) {
  Expect("ZADD @z 1 a 2.5 b 3 c", "3");
  Expect("ZINCRBY @z 2 a", "3");
  Expect("ZRANGE @z 0 -1", "[b a c]");
  Expect("ZRANGE @z 0 0 WITHSCORES", "[b 2.5]");
  Expect("ZRANGEBYSCORE @z (2.5 +inf LIMIT 0 1", "[a]");
  Expect("ZRANK @z c", "2");
  Expect("ZPOPMIN @z", "[b 2.5]");
}

static void Hashes(void) {
  Expect("HSET @h title x year 2022", "2");
  Expect("HGETALL @h", "[title x year 2022]");
  Expect("HMGET @h year none", "[2022 (nil)]");
  Expect("HINCRBY @h year 1", "2023");
  Expect("HKEYS @h", "[title year]");
  Expect("HDEL @h title", "1");
}

static void Bits(void) {
  Expect("SETBIT @b 7 1", "0");
  Expect("BITCOUNT @b", "1");
  Expect("BITPOS @b 1", "7");
  Expect("BITFIELD @b SET u8 8 200 GET u8 8", "[0 200]");
}

static void HyperLogLogs(void) {
  Expect("PFADD @p1 x y", "1");
  Expect("PFADD @p2 y z", "1");
  Expect("PFCOUNT @p1 @p2", "3");
  Expect("PFMERGE @p3 @p1 @p2", "OK");
}

static void Geo(void) {
  Expect("GEOADD @g 126.978 37.5665 seoul 129.0756 35.1796 busan", "2");
  Expect("GEODIST @g seoul busan km", "325.*");
  Expect("GEOSEARCH @g FROMMEMBER seoul BYRADIUS 10 km", "[seoul]");
}

static void Streams(void) {
  Expect("XADD @x 1-1 a 1", "1-1");
  Expect("XADD @x 2-1 b 2", "2-1");
  Expect("XLEN @x", "2");
  Expect("XRANGE @x - + COUNT 1", "[[1-1 [a 1]]]");
  Expect("XREAD STREAMS @x 1-1", "[[@x [[2-1 [b 2]]]]]");
}

static void ConsumerGroups(void) {
  Expect("XGROUP CREATE @xg g $ MKSTREAM", "OK");
  Expect("XADD @xg 1-1 a 1", "1-1");
  Expect("XREADGROUP GROUP g me STREAMS @xg >", "[[@xg [[1-1 [a 1]]]]]");
  Expect("XPENDING @xg g", "[1 1-1 1-1 [[me 1]]]");
  Expect("XACK @xg g 1-1", "1");
}

static void Keys(void) {
  Expect("SET @k x EX 100", "OK");
  Expect("TTL @k", "100");
  Expect("PERSIST @k", "1");
  Expect("TYPE @k", "string");
  Expect("RENAME @k @k2", "OK");
  Expect("COPY @k2 @k", "1");
  Expect("PEXPIREAT @k 1", "1");
  Expect("EXISTS @k", "0");
  Expect("UNLINK @k2", "1");
}

static void ManyKeys(void) {
  // Of many slots.
  Expect("MSET a:~ 1 b:~ 2 c:~ 3 d:~ 4", "OK");
  Expect("MGET d:~ c:~ b:~ a:~ none:~", "[4 3 2 1 (nil)]");
  Expect("EXISTS a:~ b:~ c:~ d:~", "4");
  Expect("DEL a:~ b:~ c:~ d:~", "4");
}

static void LargeValues(void) {
  const size_t size = 4 << 20;
  char* large = malloc(size);
  for (size_t i = 0; i < size; ++i) large[i] = "a\r\n"[i % 4];
  redisReply* set = redisCommand(client, "SET %slarge %b", tag, large, size);
  Compare(set, "SET", "OK");
  freeReplyObject(set);
  redisReply* got = redisCommand(client, "GET %slarge", tag);
  if (got == NULL || got->len != size || memcmp(got->str, large, size) != 0) {
    Fail("not what was set");
  }
  freeReplyObject(got);
  free(large);
}

static void Errors(void) {
  Expect("SET @e x", "OK");
  Expect("LPUSH @e y", "(error) WRONGTYPE Operation against*");
  Expect("INCR @e", "(error) ERR value is not an integer*");
}

static void Pipeline(void) {
  char command[128], expected[32];
  for (int i = 0; i < 100; ++i) {
    snprintf(command, sizeof(command), "SET pipe:%d:~ %d", i, i);
    Send(client, command);
    snprintf(command, sizeof(command), "INCR pipe:%d:~", i);
    Send(client, command);
  }
  for (int i = 0; i < 100; ++i) {
    snprintf(expected, sizeof(expected), "%d", i + 1);
    Receive(client, "SET", "OK");
    Receive(client, "INCR", expected);
  }
}

static void Transaction(void) {
  Expect("MULTI", "OK");
  Expect("SET @t 1", "QUEUED");
  Expect("INCR @t", "QUEUED");
  Expect("RPUSH @t2 x", "QUEUED");
  Expect("EXEC", "[OK 2 1]");
  Expect("MULTI", "OK");
  Expect("SET @t x", "QUEUED");
  Expect("INCR @t", "QUEUED");
  Expect("EXEC", "[OK (error) ERR value is not an integer*");
  Expect("MULTI", "OK");
  Expect("SET @t", "(error) ERR wrong number of arguments for 'set' command");
  Expect("EXEC", "(error) EXECABORT Transaction discarded because of previous errors.");
  Expect("MULTI", "OK");
  Expect("SET @t y", "QUEUED");
  Expect("DISCARD", "OK");
  Expect("GET @t", "x");
}

static void Watch(void) {
  Expect("WATCH @w", "OK");
  ExpectFrom(other, "SET @w theirs", "OK");
  Expect("MULTI", "OK");
  Expect("SET @w mine", "QUEUED");
  Expect("EXEC", "(nil)");
  Expect("WATCH @w", "OK");
  Expect("MULTI", "OK");
  Expect("SET @w mine", "QUEUED");
  Expect("EXEC", "[OK]");
  Expect("GET @w", "mine");
}

// Scripts have spaces, so they are given as one argument.
static redisReply* Evaluate(const char* script, const char* argument) {
  return redisCommand(client, "EVAL %s 1 %ssc %s", script, tag, argument);
}

static void Scripts(void) {
  redisReply* reply = Evaluate("return {KEYS[1], ARGV[1], 3}", "a");
  Compare(reply, "EVAL", "[@sc a 3]");
  freeReplyObject(reply);
  reply = Evaluate("return redis.error_reply('MINE x')", "a");
  Compare(reply, "EVAL", "(error) MINE x");
  freeReplyObject(reply);
  reply = redisCommand(client, "SCRIPT LOAD %s", "return redis.call('INCRBY', KEYS[1], ARGV[1])");
  if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
    Fail("SCRIPT LOAD");
  } else {
    char command[128];
    snprintf(command, sizeof(command), "EVALSHA %s 1 @sc 4", reply->str);
    Expect(command, "4");
    snprintf(command, sizeof(command), "SCRIPT EXISTS %s none", reply->str);
    Expect(command, "[1 0]");
  }
  freeReplyObject(reply);
  Expect("EVALSHA ffffffffffffffffffffffffffffffffffffffff 1 @sc", "(error) NOSCRIPT *");
}

static void PubSub(void) {
  Send(client, "SUBSCRIBE @c1 @c2");
  Receive(client, "SUBSCRIBE", "[subscribe @c1 1]");
  Receive(client, "SUBSCRIBE", "[subscribe @c2 2]");
  Expect("GET @s", "(error) ERR Can't execute 'get': only (P|S)SUBSCRIBE*");
  ExpectFrom(other, "PUBLISH @c1 hello", "1");
  Receive(client, "message", "[message @c1 hello]");
  Expect("UNSUBSCRIBE @c1", "[unsubscribe @c1 1]");
  Expect("UNSUBSCRIBE @c2", "[unsubscribe @c2 0]");
}

static void PatternPubSub(void) {
  Expect("PSUBSCRIBE @news.*", "[psubscribe @news.* 1]");
  ExpectFrom(other, "PUBLISH @news.art hello", "1");
  Receive(client, "pmessage", "[pmessage @news.* @news.art hello]");
  Expect("PUNSUBSCRIBE @news.*", "[punsubscribe @news.* 0]");
}

static void ShardedPubSub(void) {
  Expect("SSUBSCRIBE @shard", "[ssubscribe @shard 1]");
  ExpectFrom(other, "SPUBLISH @shard hello", "1");
  Receive(client, "smessage", "[smessage @shard hello]");
  Expect("SUNSUBSCRIBE @shard", "[sunsubscribe @shard 0]");
}

static void BlockingPop(void) {
  ExpectWoken("BLPOP @none @queue 10", "RPUSH @queue job", "1", "[@queue job]");
  Expect("BLPOP @none 0.05", "(nil)");
  ExpectWoken("BZPOPMIN @zqueue 10", "ZADD @zqueue 1 job", "1", "[@zqueue job 1]");
}

static void BlockingMove(void) {
  ExpectWoken("BRPOPLPUSH @from @to 10", "LPUSH @from a", "1", "a");
  ExpectWoken("BLMOVE @from @to LEFT RIGHT 10", "LPUSH @from b", "1", "b");
  Expect("LRANGE @to 0 -1", "[a b]");
}

static void BlockingStream(void) {
  ExpectWoken("XREAD BLOCK 10000 STREAMS @live $", "XADD @live 5-1 a 1", "5-1",
              "[[@live [[5-1 [a 1]]]]]");
}

// How many elements a whole scan brings; `step` elements of the reply are one of them.
static size_t CountScanned(const char* command, const char* options, size_t step) {
  char cursor[32] = "0", text[256];
  size_t count = 0;
  do {
    snprintf(text, sizeof(text), "%s %s %s", command, cursor, options);
    char expanded[kTextSize];
    Expand(text, expanded, sizeof(expanded));
    redisReply* reply = redisCommand(client, expanded);
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
      Fail("%s", reply == NULL ? "the connection is lost" : reply->str);
      freeReplyObject(reply);
      return 0;
    }
    snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
    count += reply->element[1]->elements / step;
    freeReplyObject(reply);
  } while (strcmp(cursor, "0") != 0);
  return count;
}

static void ExpectScanned(size_t count, const char* command, const char* options, size_t step) {
  const size_t found = CountScanned(command, options, step);
  if (found != count) Fail("%s: %zu elements, not %zu", command, found, count);
}

static void Scan(void) {
  char command[128];
  for (int i = 0; i < 500; ++i) {
    snprintf(command, sizeof(command), "SET scan:%d:~ 1", i);
    Expect(command, "OK");
  }
  // Nobody writes meanwhile, so that nothing comes twice.
  ExpectScanned(500, "SCAN", "MATCH scan:*:~ COUNT 100", 1);
}

static void ScanElements(void) {
  char command[128];
  for (int i = 0; i < 1000; ++i) {
    snprintf(command, sizeof(command), "HSET @hash e:%d 1", i);
    Expect(command, "1");
    snprintf(command, sizeof(command), "SADD @set e:%d", i);
    Expect(command, "1");
    snprintf(command, sizeof(command), "ZADD @zset 1 e:%d", i);
    Expect(command, "1");
  }
  ExpectScanned(1000, "HSCAN @hash", "COUNT 100", 2);
  ExpectScanned(1000, "SSCAN @set", "MATCH e:*", 1);
  ExpectScanned(1000, "ZSCAN @zset", "", 2);
}

static void Session(void) {
  Expect("PING", "PONG");
  Expect("CLIENT SETNAME slotway-check", "OK");
  Expect("CLIENT GETNAME", "slotway-check");
  Expect("INFO server", "# Server\r\nredis_version:7.*");
  redisReply* list = redisCommand(other, "CLIENT LIST");
  if (list == NULL || list->str == NULL || !strstr(list->str, " name=slotway-check ")) {
    Fail("CLIENT LIST lacks the name");
  }
  freeReplyObject(list);
  redisReply* size = redisCommand(client, "DBSIZE");
  if (size == NULL || size->type != REDIS_REPLY_INTEGER || size->integer < 1) Fail("DBSIZE");
  freeReplyObject(size);
}

static const struct {
  const char* name;
  void (*run)(void);
} kChecks[] = {
    {"strings", Strings},
    {"lists", Lists},
    {"sets", Sets},
    {"sorted_sets", SortedSets},
    {"hashes", Hashes},
    {"bits", Bits},
    {"hyperloglogs", HyperLogLogs},
    {"geo", Geo},
    {"streams", Streams},
    {"consumer_groups", ConsumerGroups},
    {"keys", Keys},
    {"many_keys", ManyKeys},
    {"large_values", LargeValues},
    {"errors", Errors},
    {"pipeline", Pipeline},
    {"transaction", Transaction},
    {"watch", Watch},
    {"scripts", Scripts},
    {"pubsub", PubSub},
    {"pattern_pubsub", PatternPubSub},
    {"sharded_pubsub", ShardedPubSub},
    {"blocking_pop", BlockingPop},
    {"blocking_move", BlockingMove},
    {"blocking_stream", BlockingStream},
    {"scan", Scan},
    {"scan_elements", ScanElements},
    {"session", Session},
};

static int IsWanted(const char* name) {
  const char* wanted = getenv("CHECKS");
  if (wanted == NULL) return 1;
  const size_t length = strlen(name);
  for (const char* at = wanted; (at = strstr(at, name)) != NULL; at += length) {
    const int starts = at == wanted || at[-1] == ' ';
    if (starts && (at[length] == ' ' || at[length] == '\0')) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 5 || strcmp(argv[4], "single") != 0) {
    fprintf(stderr, "usage: %s HOST PORT PASSWORD single\n", argv[0]);
    return 2;
  }
  snprintf(run, sizeof(run), "hiredis:%d:%lld", (int)getpid(), (long long)time(NULL));
  snprintf(tag, sizeof(tag), "{%s}:", run);
  client = Connect(argv[1], atoi(argv[2]), argv[3]);
  other = Connect(argv[1], atoi(argv[2]), argv[3]);
  int failures = 0;
  for (size_t i = 0; i < COUNT(kChecks); ++i) {
    if (!IsWanted(kChecks[i].name)) continue;
    failure[0] = '\0';
    kChecks[i].run();
    if (failure[0] == '\0') {
      printf("ok %s\n", kChecks[i].name);
    } else {
      ++failures;
      printf("FAIL %s %s\n", kChecks[i].name, failure);
      // Replies may be outstanding: the next check gets fresh connections.
      redisFree(client);
      redisFree(other);
      client = Connect(argv[1], atoi(argv[2]), argv[3]);
      other = Connect(argv[1], atoi(argv[2]), argv[3]);
    }
    fflush(stdout);
  }
  redisFree(client);
  redisFree(other);
  return failures == 0 ? 0 : 1;
}
