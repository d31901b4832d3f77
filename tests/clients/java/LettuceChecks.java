// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import static slotway.checks.Checks.equal;
import static slotway.checks.Checks.fails;
import static slotway.checks.Checks.key;
import static slotway.checks.Checks.require;
import static slotway.checks.Checks.tagged;
import static slotway.checks.Checks.within;
import static slotway.checks.Checks.woken;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.CopyArgs;
import io.lettuce.core.GeoArgs;
import io.lettuce.core.GeoSearch;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.KeyValue;
import io.lettuce.core.LMoveArgs;
import io.lettuce.core.Limit;
import io.lettuce.core.Range;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScanArgs;
import io.lettuce.core.ScanCursor;
import io.lettuce.core.ScanIterator;
import io.lettuce.core.ScoredValue;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import io.lettuce.core.StreamMessage;
import io.lettuce.core.XAddArgs;
import io.lettuce.core.XGroupCreateArgs;
import io.lettuce.core.XReadArgs;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.BitFieldArgs;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.cluster.api.sync.RedisClusterCommands;
import io.lettuce.core.cluster.pubsub.RedisClusterPubSubAdapter;
import io.lettuce.core.cluster.pubsub.StatefulRedisClusterPubSubConnection;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** Lettuce. */
public final class LettuceChecks {
  private final RedisClient single;
  private final RedisClusterClient cluster;
  private final RedisClusterCommands<String, String> client;
  private final RedisClusterAsyncCommands<String, String> async;
  private final RedisClusterCommands<String, String> other;

  private LettuceChecks(Checks.Target target) {
    RedisURI uri = RedisURI.builder().withHost(target.host()).withPort(target.port())
        .withPassword(target.password().toCharArray()).withTimeout(Duration.ofSeconds(15))
        .build();
    ProtocolVersion protocol =
        target.protocol() == 3 ? ProtocolVersion.RESP3 : ProtocolVersion.RESP2;
    if (target.isCluster()) {
      single = null;
      cluster = RedisClusterClient.create(uri);
      // Without redirections allowed, a MOVED is an error.
      cluster.setOptions(ClusterClientOptions.builder().protocolVersion(protocol)
          .maxRedirects(0).build());
      StatefulRedisClusterConnection<String, String> connection = cluster.connect();
      client = connection.sync();
      async = connection.async();
      other = cluster.connect().sync();
    } else {
      cluster = null;
      single = RedisClient.create(uri);
      single.setOptions(ClientOptions.builder().protocolVersion(protocol).build());
      StatefulRedisConnection<String, String> connection = single.connect();
      client = connection.sync();
      async = connection.async();
      other = single.connect().sync();
    }
  }

  public static void main(String[] arguments) {
    LettuceChecks lettuce = new LettuceChecks(Checks.Target.of(arguments));
    Checks checks = Checks.of();
    lettuce.addValues(checks);
    lettuce.addSessions(checks);
    checks.runAll();
  }

  private void addValues(Checks checks) {
    checks.add("strings", this::strings).add("lists", this::lists).add("sets", this::sets)
        .add("sorted_sets", this::sortedSets).add("hashes", this::hashes)
        .add("bits", this::bits).add("hyperloglogs", this::hyperLogLogs).add("geo", this::geo)
        .add("streams", this::streams).add("consumer_groups", this::consumerGroups)
        .add("keys", this::keys).add("many_keys", this::manyKeys)
        .add("large_values", this::largeValues).add("errors", this::errors);
  }

  private void addSessions(Checks checks) {
    checks.add("pipeline", this::pipeline).add("transaction", this::transaction)
        .add("watch", this::watch).add("scripts", this::scripts).add("pubsub", this::pubSub)
        .add("pattern_pubsub", this::patternPubSub)
        .add("sharded_pubsub", this::shardedPubSub).add("blocking_pop", this::blockingPop)
        .add("blocking_move", this::blockingMove)
        .add("blocking_stream", this::blockingStream).add("scan", this::scan)
        .add("scan_elements", this::scanElements).add("session", this::session);
  }

  /** Commands on a connection of its own to where `name` lives. */
  private RedisCommands<String, String> commandsAt(String name) {
    if (single != null) {
      return single.connect().sync();
    }
    StatefulRedisClusterConnection<String, String> connection = cluster.connect();
    String node = connection.getPartitions().getPartitionBySlot(SlotHash.getSlot(name))
        .getNodeId();
    return connection.getConnection(node).sync();
  }

  private void strings() {
    String name = key("string");
    equal(client.set(name, "a"), "OK");
    equal(client.append(name, "bc"), 3);
    equal(client.getrange(name, 1, 2), "bc");
    equal(client.set(name, "no", SetArgs.Builder.nx()), null);
    equal(client.setGet(name, "7"), "abc");
    equal(client.incrby(name, 5), 12);
    equal(client.incrbyfloat(name, 0.5), 12.5);
    equal(client.getdel(name), "12.5");
    equal(client.get(name), null);
  }

  private void lists() {
    String name = tagged("list");
    equal(client.rpush(name, "a", "b", "c"), 3);
    equal(client.lpush(name, "z"), 4);
    equal(client.linsert(name, true, "b", "x"), 5);
    equal(client.lrange(name, 0, -1), List.of("z", "a", "x", "b", "c"));
    equal(client.lpos(name, "b"), 3);
    equal(client.lrem(name, 1, "x"), 1);
    equal(List.of(client.lpop(name), client.rpop(name)), List.of("z", "c"));
    equal(client.lmove(name, tagged("list:b"), LMoveArgs.Builder.leftRight()), "a");
  }

  private void sets() {
    String a = tagged("set:a");
    String b = tagged("set:b");
    equal(client.sadd(a, "1", "2", "3"), 3);
    equal(client.sadd(b, "2", "3", "4"), 3);
    equal(client.sinter(a, b), Set.of("2", "3"));
    equal(client.sunionstore(tagged("set:c"), a, b), 4);
    equal(client.smismember(a, "1", "9"), List.of(true, false));
    equal(client.smove(a, b, "1"), true);
    equal(client.scard(b), 4);
  }

  private void sortedSets() {
    String name = key("zset");
    equal(client.zadd(name, ScoredValue.just(1, "a"), ScoredValue.just(2.5, "b"),
        ScoredValue.just(3, "c")), 3);
    equal(client.zincrby(name, 2, "a"), 3);
    equal(client.zrange(name, 0, -1), List.of("b", "a", "c"));
    equal(client.zrangeWithScores(name, 0, 0), List.of(ScoredValue.just(2.5, "b")));
    Range<Double> above = Range.from(Range.Boundary.excluding(2.5), Range.Boundary.unbounded());
    equal(client.zrangebyscore(name, above, Limit.create(0, 1)), List.of("a"));
    equal(client.zrank(name, "c"), 2);
    equal(client.zpopmin(name), ScoredValue.just(2.5, "b"));
  }

  private void hashes() {
    String name = key("hash");
    equal(client.hset(name, Map.of("title", "x", "year", "2022")), 2);
    equal(client.hgetall(name), Map.of("title", "x", "year", "2022"));
    equal(client.hmget(name, "year", "none"),
        List.of(KeyValue.just("year", "2022"), KeyValue.empty("none")));
    equal(client.hincrby(name, "year", 1), 2023);
    equal(new TreeSet<>(client.hkeys(name)), new TreeSet<>(Set.of("title", "year")));
    equal(client.hdel(name, "title"), 1);
  }

  private void bits() {
    String name = key("bits");
    equal(client.setbit(name, 7, 1), 0);
    equal(client.bitcount(name), 1);
    equal(client.bitpos(name, true), 7);
    BitFieldArgs.BitFieldType type = BitFieldArgs.unsigned(8);
    equal(client.bitfield(name, BitFieldArgs.Builder.set(type, 8, 200).get(type, 8)),
        List.of(0L, 200L));
  }

  private void hyperLogLogs() {
    String a = tagged("hll:a");
    String b = tagged("hll:b");
    equal(client.pfadd(a, "x", "y"), 1);
    client.pfadd(b, "y", "z");
    equal(client.pfcount(a, b), 3);
    equal(client.pfmerge(tagged("hll:c"), a, b), "OK");
  }

  private void geo() {
    String name = key("geo");
    equal(client.geoadd(name, 126.978, 37.5665, "seoul"), 1);
    equal(client.geoadd(name, 129.0756, 35.1796, "busan"), 1);
    double distance = client.geodist(name, "seoul", "busan", GeoArgs.Unit.km);
    require(Math.abs(distance - 325) < 2, "GEODIST " + distance);
    equal(client.geosearch(name, GeoSearch.fromMember("seoul"),
        GeoSearch.byRadius(10, GeoArgs.Unit.km)), Set.of("seoul"));
  }

  private void streams() {
    String name = key("stream");
    equal(client.xadd(name, XAddArgs.Builder.maxlen(100).id("1-1"), Map.of("a", "1")), "1-1");
    client.xadd(name, Map.of("b", "2"));
    equal(client.xlen(name), 2);
    var first = client.xrange(name, Range.unbounded(), Limit.from(1));
    equal(first, List.of(new StreamMessage<>(name, "1-1", Map.of("a", "1"))));
    var read = client.xread(XReadArgs.StreamOffset.from(name, "1-1"));
    equal(read.stream().map(StreamMessage::getBody).toList(), List.of(Map.of("b", "2")));
  }

  private void consumerGroups() {
    String name = key("group");
    equal(client.xgroupCreate(XReadArgs.StreamOffset.latest(name), "g",
        XGroupCreateArgs.Builder.mkstream()), "OK");
    String id = client.xadd(name, Map.of("a", "1"));
    var read = client.xreadgroup(io.lettuce.core.Consumer.from("g", "me"),
        XReadArgs.StreamOffset.lastConsumed(name));
    equal(read, List.of(new StreamMessage<>(name, id, Map.of("a", "1"))));
    equal(client.xpending(name, "g").getCount(), 1);
    equal(client.xack(name, "g", id), 1);
  }

  private void keys() {
    String name = tagged("expiring");
    String renamed = tagged("renamed");
    client.set(name, "x", SetArgs.Builder.ex(100));
    long ttl = client.ttl(name);
    require(ttl > 98 && ttl <= 100, "TTL " + ttl);
    equal(client.persist(name), true);
    equal(client.type(name), "string");
    equal(client.rename(name, renamed), "OK");
    equal(client.copy(renamed, name, CopyArgs.Builder.replace(true)), true);
    equal(client.pexpireat(name, System.currentTimeMillis() - 1), true);
    equal(client.exists(name), 0);
    equal(client.unlink(renamed), 1);
  }

  private void manyKeys() {
    // Of many slots; this library splits them for a cluster.
    Map<String, String> pairs = new HashMap<>();
    for (int i = 0; i < 100; i++) {
      pairs.put(key("many:" + i), "v" + i);
    }
    String[] names = pairs.keySet().toArray(String[]::new);
    equal(client.mset(pairs), "OK");
    Map<String, String> got = new HashMap<>();
    client.mget(names).forEach(found -> got.put(found.getKey(), found.getValue()));
    equal(got, pairs);
    equal(client.exists(names), 100);
    equal(client.del(names), 100);
  }

  private void largeValues() {
    String name = key("large");
    String large = "a\r\n\0".repeat(1 << 20);
    client.set(name, large);
    require(large.equals(client.get(name)), "not what was set");
  }

  private void errors() throws Exception {
    String name = key("wrong");
    client.set(name, "x");
    fails("WRONGTYPE Operation against", () -> client.lpush(name, "y"));
    fails("ERR value is not an integer", () -> client.incr(name));
  }

  private void pipeline() throws Exception {
    List<RedisFuture<?>> asked = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      asked.add(async.set(key("pipe:" + i), "1"));
      asked.add(async.incr(key("pipe:" + i)));
    }
    for (int i = 0; i < asked.size(); i += 2) {
      equal(within(asked.get(i).toCompletableFuture()), "OK");
      equal(within(asked.get(i + 1).toCompletableFuture()), 2);
    }
  }

  private void transaction() {
    String a = tagged("tx:a");
    RedisCommands<String, String> own = commandsAt(a);
    own.multi();
    own.set(a, "1");
    own.incr(a);
    own.rpush(tagged("tx:b"), "x");
    own.get(a);
    equal(own.exec().stream().toList(), List.of("OK", 2L, 1L, "2"));
    own.multi();
    own.set(a, "x");
    own.incr(a);
    Object second = own.exec().get(1);
    require(second instanceof Exception, second + " is no error");
    own.multi();
    own.set(a, "y");
    equal(own.discard(), "OK");
    equal(own.get(a), "x");
    own.getStatefulConnection().close();
  }

  private void watch() {
    String name = tagged("watched");
    RedisCommands<String, String> own = commandsAt(name);
    own.watch(name);
    other.set(name, "theirs");
    own.multi();
    own.set(name, "mine");
    equal(own.exec().wasDiscarded(), true);
    own.watch(name);
    own.multi();
    own.set(name, "mine");
    equal(own.exec().stream().toList(), List.of("OK"));
    equal(client.get(name), "mine");
    own.getStatefulConnection().close();
  }

  private void scripts() throws Exception {
    String[] name = {key("script")};
    equal(client.eval(Checks.RETURN_PARTS, ScriptOutputType.MULTI, name, "a"),
        List.of(name[0], "a", 3L));
    String digest = client.scriptLoad(Checks.ADD_TWICE);
    equal(client.<Long>evalsha(digest, ScriptOutputType.INTEGER, name, "2"), 4);
    equal(client.<Long>evalsha(digest, ScriptOutputType.INTEGER, name, "3"), 10);
    equal(client.scriptExists(digest, Checks.UNKNOWN_SCRIPT), List.of(true, false));
    fails("NOSCRIPT", () ->
        client.evalsha(Checks.UNKNOWN_SCRIPT, ScriptOutputType.INTEGER, name));
    fails("MINE x", () -> client.eval(Checks.OWN_ERROR, ScriptOutputType.STATUS, name));
  }

  private StatefulRedisPubSubConnection<String, String> subscriber(
      CompletableFuture<List<String>> message) {
    StatefulRedisPubSubConnection<String, String> subscriber =
        single != null ? single.connectPubSub() : cluster.connectPubSub();
    subscriber.addListener(new RedisPubSubAdapter<>() {
      @Override public void message(String channel, String text) {
        message.complete(List.of(channel, text));
      }

      @Override public void message(String pattern, String channel, String text) {
        message.complete(List.of(pattern, channel, text));
      }

      @Override public void smessage(String channel, String text) {
        message.complete(List.of(channel, text));
      }
    });
    return subscriber;
  }

  private void pubSub() throws Exception {
    CompletableFuture<List<String>> message = new CompletableFuture<>();
    try (var subscriber = subscriber(message)) {
      subscriber.sync().subscribe(key("channel"), key("another"));
      other.publish(key("channel"), "hello");
      equal(within(message), List.of(key("channel"), "hello"));
      subscriber.sync().unsubscribe(key("channel"), key("another"));
    }
  }

  private void patternPubSub() throws Exception {
    CompletableFuture<List<String>> message = new CompletableFuture<>();
    try (var subscriber = subscriber(message)) {
      subscriber.sync().psubscribe(key("news.*"));
      other.publish(key("news.art"), "hello");
      equal(within(message), List.of(key("news.*"), key("news.art"), "hello"));
    }
  }

  private void shardedPubSub() throws Exception {
    CompletableFuture<List<String>> message = new CompletableFuture<>();
    try (var subscriber = subscriber(message)) {
      if (subscriber instanceof StatefulRedisClusterPubSubConnection<String, String> nodes) {
        nodes.addListener(new RedisClusterPubSubAdapter<>() {
          @Override public void smessage(io.lettuce.core.cluster.models.partitions
              .RedisClusterNode node, String channel, String text) {
            message.complete(List.of(channel, text));
          }
        });
      }
      subscriber.sync().ssubscribe(key("shard"));
      equal(other.spublish(key("shard"), "hello"), 1);
      equal(within(message), List.of(key("shard"), "hello"));
    }
  }

  private void blockingPop() throws Exception {
    String empty = tagged("empty");
    String queue = tagged("queue");
    String scored = tagged("zqueue");
    RedisCommands<String, String> own = commandsAt(empty);
    equal(woken(() -> own.blpop(10, empty, queue), () -> other.rpush(queue, "job")),
        KeyValue.just(queue, "job"));
    equal(own.blpop(0.05, empty), null);
    equal(woken(() -> own.bzpopmin(10, scored), () -> other.zadd(scored, 1, "job")),
        KeyValue.just(scored, ScoredValue.just(1, "job")));
    own.getStatefulConnection().close();
  }

  private void blockingMove() throws Exception {
    String from = tagged("from");
    String to = tagged("to");
    RedisCommands<String, String> own = commandsAt(from);
    equal(woken(() -> own.brpoplpush(10, from, to), () -> other.lpush(from, "a")), "a");
    equal(woken(() -> own.blmove(from, to, LMoveArgs.Builder.leftRight(), 10),
        () -> other.lpush(from, "b")), "b");
    equal(client.lrange(to, 0, -1), List.of("a", "b"));
    own.getStatefulConnection().close();
  }

  private void blockingStream() throws Exception {
    String name = key("live");
    RedisCommands<String, String> own = commandsAt(name);
    var read = woken(() -> own.xread(XReadArgs.Builder.block(10000),
        XReadArgs.StreamOffset.latest(name)),
        () -> other.xadd(name, XAddArgs.Builder.maxlen(100).id("5-1"), Map.of("a", "1")));
    equal(read, List.of(new StreamMessage<>(name, "5-1", Map.of("a", "1"))));
    own.getStatefulConnection().close();
  }

  private void scan() {
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < 500; i++) {
      names.add(key("scan:" + i));
      client.set(key("scan:" + i), "1");
    }
    Set<String> found = new TreeSet<>();
    ScanArgs match = ScanArgs.Builder.matches(key("scan:*")).limit(100);
    KeyScanCursor<String> cursor = client.scan(match);
    found.addAll(cursor.getKeys());
    while (!cursor.isFinished()) {
      cursor = client.scan((ScanCursor) cursor, match);
      found.addAll(cursor.getKeys());
    }
    equal(found, names);
  }

  private void scanElements() {
    for (int i = 0; i < 1000; i++) {
      async.hset(key("big:hash"), "e:" + i, "1");
      async.sadd(key("big:set"), "e:" + i);
      async.zadd(key("big:zset"), 1, "e:" + i);
    }
    equal(count(ScanIterator.hscan(client, key("big:hash"))), 1000);
    equal(count(ScanIterator.sscan(client, key("big:set"), ScanArgs.Builder.matches("e:*"))),
        1000);
    equal(count(ScanIterator.zscan(client, key("big:zset"))), 1000);
  }

  private static int count(ScanIterator<?> elements) {
    Set<Object> found = new HashSet<>();
    elements.forEachRemaining(found::add);
    return found.size();
  }

  private void session() {
    equal(client.ping(), "PONG");
    require(client.info("server").contains("redis_version:7."), "INFO server");
    require(client.dbsize() > 0, "DBSIZE");
    RedisCommands<String, String> named = commandsAt("any");
    equal(named.clientSetname("slotway-check"), "OK");
    equal(named.clientGetname(), "slotway-check");
    require(named.clientList().contains(" name=slotway-check "), "CLIENT LIST");
    StatefulConnection<String, String> connection = named.getStatefulConnection();
    connection.close();
  }
}
