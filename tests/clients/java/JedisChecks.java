// SPDX-License-Identifier: Apache-2.0
package slotway.checks;

import static slotway.checks.Checks.equal;
import static slotway.checks.Checks.fails;
import static slotway.checks.Checks.inBackground;
import static slotway.checks.Checks.key;
import static slotway.checks.Checks.require;
import static slotway.checks.Checks.tagged;
import static slotway.checks.Checks.within;
import static slotway.checks.Checks.woken;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.IntStream;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.JedisShardedPubSub;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisClusterClient;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.args.GeoUnit;
import redis.clients.jedis.args.ListDirection;
import redis.clients.jedis.args.ListPosition;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.SetParams;
import redis.clients.jedis.params.XPendingParams;
import redis.clients.jedis.params.XReadGroupParams;
import redis.clients.jedis.params.XReadParams;
import redis.clients.jedis.resps.ScanResult;
import redis.clients.jedis.resps.StreamEntry;
import redis.clients.jedis.resps.Tuple;
import redis.clients.jedis.util.JedisClusterCRC16;

/** Jedis. */
public final class JedisChecks {
  private final Checks.Target target;
  private final HostAndPort address;
  private final JedisClientConfig config;
  private final UnifiedJedis client;
  private final UnifiedJedis other;

  private JedisChecks(Checks.Target target) {
    this.target = target;
    address = new HostAndPort(target.host(), target.port());
    config = DefaultJedisClientConfig.builder().password(target.password())
        .protocol(target.protocol() == 3 ? RedisProtocol.RESP3 : RedisProtocol.RESP2).build();
    client = connect();
    other = connect();
  }

  public static void main(String[] arguments) {
    JedisChecks jedis = new JedisChecks(Checks.Target.of(arguments));
    Checks checks = Checks.of();
    jedis.addValues(checks);
    jedis.addSessions(checks);
    checks.runAll();
  }

  private UnifiedJedis connect() {
    if (!target.isCluster()) {
      return RedisClient.builder().hostAndPort(address).clientConfig(config).build();
    }
    // With one attempt, a MOVED is an error.
    return RedisClusterClient.builder().nodes(Set.of(address)).clientConfig(config)
        .maxAttempts(1).build();
  }

  /** A connection of its own to where `name` lives. */
  private Connection connectionOf(String name) {
    return client instanceof RedisClusterClient cluster
        ? cluster.getConnectionFromSlot(JedisClusterCRC16.getSlot(name))
        : ((RedisClient) client).getPool().getResource();
  }

  private static String[] names(int count, Function<String, String> name) {
    return IntStream.range(0, count).mapToObj(i -> name.apply("many:" + i))
        .toArray(String[]::new);
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
        .add("pattern_pubsub", this::patternPubSub).add("blocking_pop", this::blockingPop)
        .add("blocking_move", this::blockingMove)
        .add("blocking_stream", this::blockingStream).add("scan", this::scan)
        .add("scan_elements", this::scanElements).add("session", this::session);
    if (client instanceof RedisClusterClient) {
      checks.add("sharded_pubsub", this::shardedPubSub);
    }
  }

  private void strings() {
    String name = key("string");
    equal(client.set(name, "a"), "OK");
    equal(client.append(name, "bc"), 3);
    equal(client.getrange(name, 1, 2), "bc");
    equal(client.set(name, "no", SetParams.setParams().nx()), null);
    equal(client.setGet(name, "7"), "abc");
    equal(client.incrBy(name, 5), 12);
    equal(client.incrByFloat(name, 0.5), 12.5);
    equal(client.getDel(name), "12.5");
    equal(client.get(name), null);
  }

  private void lists() {
    String name = tagged("list");
    equal(client.rpush(name, "a", "b", "c"), 3);
    equal(client.lpush(name, "z"), 4);
    equal(client.linsert(name, ListPosition.BEFORE, "b", "x"), 5);
    equal(client.lrange(name, 0, -1), List.of("z", "a", "x", "b", "c"));
    equal(client.lpos(name, "b"), 3);
    equal(client.lrem(name, 1, "x"), 1);
    equal(List.of(client.lpop(name), client.rpop(name)), List.of("z", "c"));
    equal(client.lmove(name, tagged("list:b"), ListDirection.LEFT, ListDirection.RIGHT), "a");
  }

  private void sets() {
    String a = tagged("set:a");
    String b = tagged("set:b");
    equal(client.sadd(a, "1", "2", "3"), 3);
    equal(client.sadd(b, "2", "3", "4"), 3);
    equal(client.sinter(a, b), Set.of("2", "3"));
    equal(client.sunionstore(tagged("set:c"), a, b), 4);
    equal(client.smismember(a, "1", "9"), List.of(true, false));
    equal(client.smove(a, b, "1"), 1);
    equal(client.scard(b), 4);
  }

  private void sortedSets() {
    String name = key("zset");
    equal(client.zadd(name, Map.of("a", 1.0, "b", 2.5, "c", 3.0)), 3);
    equal(client.zincrby(name, 2, "a"), 3);
    equal(client.zrange(name, 0, -1), List.of("b", "a", "c"));
    equal(client.zrangeWithScores(name, 0, 0), List.of(new Tuple("b", 2.5)));
    equal(client.zrangeByScore(name, "(2.5", "+inf", 0, 1), List.of("a"));
    equal(client.zrank(name, "c"), 2);
    equal(client.zpopmin(name), new Tuple("b", 2.5));
  }

  private void hashes() {
    String name = key("hash");
    equal(client.hset(name, Map.of("title", "x", "year", "2022")), 2);
    equal(client.hgetAll(name), Map.of("title", "x", "year", "2022"));
    equal(client.hmget(name, "year", "none"), Arrays.asList("2022", null));
    equal(client.hincrBy(name, "year", 1), 2023);
    equal(client.hkeys(name), Set.of("title", "year"));
    equal(client.hdel(name, "title"), 1);
  }

  private void bits() {
    String name = key("bits");
    equal(client.setbit(name, 7, true), false);
    equal(client.bitcount(name), 1);
    equal(client.bitpos(name, true), 7);
    equal(client.bitfield(name, "SET", "u8", "8", "200", "GET", "u8", "8"), List.of(0L, 200L));
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
    require(Math.abs(client.geodist(name, "seoul", "busan", GeoUnit.KM) - 325) < 2, "GEODIST");
    var near = client.geosearch(name, "seoul", 10, GeoUnit.KM);
    equal(near.stream().map(found -> found.getMemberByString()).toList(), List.of("seoul"));
  }

  private void streams() {
    String name = key("stream");
    StreamEntryID first = new StreamEntryID(1, 1);
    equal(client.xadd(name, first, Map.of("a", "1")), first);
    client.xadd(name, StreamEntryID.NEW_ENTRY, Map.of("b", "2"));
    equal(client.xlen(name), 2);
    equal(client.xrange(name, "-", "+", 1).get(0).getFields(), Map.of("a", "1"));
    var read = client.xread(XReadParams.xReadParams(), Map.of(name, first));
    equal(read.get(0).getKey(), name);
    equal(read.get(0).getValue().stream().map(StreamEntry::getFields).toList(),
        List.of(Map.of("b", "2")));
  }

  private void consumerGroups() {
    String name = key("group");
    equal(client.xgroupCreate(name, "g", StreamEntryID.XGROUP_LAST_ENTRY, true), "OK");
    StreamEntryID id = client.xadd(name, StreamEntryID.NEW_ENTRY, Map.of("a", "1"));
    var read = client.xreadGroup("g", "me", XReadGroupParams.xReadGroupParams(),
        Map.of(name, StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY));
    equal(read.get(0).getValue().get(0).getID(), id);
    equal(client.xpending(name, "g").getTotal(), 1);
    equal(client.xpending(name, "g", XPendingParams.xPendingParams("-", "+", 9)).size(), 1);
    equal(client.xack(name, "g", id), 1);
  }

  private void keys() {
    String name = tagged("expiring");
    String renamed = tagged("renamed");
    client.set(name, "x", SetParams.setParams().ex(100));
    long ttl = client.ttl(name);
    require(ttl > 98 && ttl <= 100, "TTL " + ttl);
    equal(client.persist(name), 1);
    equal(client.type(name), "string");
    equal(client.rename(name, renamed), "OK");
    equal(client.copy(renamed, name, false), true);
    equal(client.pexpireAt(name, System.currentTimeMillis() - 1), 1);
    equal(client.exists(name), false);
    equal(client.unlink(renamed), 1);
  }

  private void manyKeys() {
    // Of many slots; this library splits them for a cluster.
    String[] names = names(100, Checks::key);
    String[] pairs = Arrays.stream(names).flatMap(name -> List.of(name, "v:" + name).stream())
        .toArray(String[]::new);
    equal(client.mset(pairs), "OK");
    equal(client.mget(names), Arrays.stream(names).map(name -> "v:" + name).toList());
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

  private void pipeline() {
    String[] names = names(100, Checks::key);
    List<Response<?>> asked = new ArrayList<>();
    try (var pipeline = client.pipelined()) {
      for (String name : names) {
        asked.add(pipeline.set(name, "1"));
        asked.add(pipeline.incr(name));
      }
      pipeline.sync();
    }
    for (int i = 0; i < asked.size(); i += 2) {
      equal(asked.get(i).get(), "OK");
      equal(asked.get(i + 1).get(), 2);
    }
  }

  private void transaction() {
    String a = tagged("tx:a");
    try (Connection connection = connectionOf(a)) {
      try (Transaction transaction = new Transaction(connection)) {
        transaction.set(a, "1");
        transaction.incr(a);
        transaction.rpush(tagged("tx:b"), "x");
        transaction.get(a);
        equal(transaction.exec(), List.of("OK", 2L, 1L, "2"));
      }
      try (Transaction transaction = new Transaction(connection)) {
        transaction.set(a, "x");
        transaction.incr(a);
        Object second = transaction.exec().get(1);
        require(second instanceof JedisDataException, second + " is no error");
      }
    }
  }

  private void watch() {
    String name = tagged("watched");
    try (Connection connection = connectionOf(name);
        Transaction transaction = new Transaction(connection, false)) {
      transaction.watch(name);
      other.set(name, "theirs");
      transaction.multi();
      transaction.set(name, "mine");
      equal(transaction.exec(), null);
      transaction.watch(name);
      transaction.multi();
      transaction.set(name, "mine");
      equal(transaction.exec(), List.of("OK"));
    }
    equal(client.get(name), "mine");
  }

  private void scripts() throws Exception {
    String name = key("script");
    List<String> one = List.of(name);
    equal(client.eval(Checks.RETURN_PARTS, one, List.of("a")), List.of(name, "a", 3L));
    String digest = client.scriptLoad(Checks.ADD_TWICE, name);
    equal(client.evalsha(digest, one, List.of("2")), 4);
    equal(client.evalsha(digest, one, List.of("3")), 10);
    equal(client.scriptExists(name, digest, Checks.UNKNOWN_SCRIPT), List.of(true, false));
    fails("NOSCRIPT", () -> client.evalsha(Checks.UNKNOWN_SCRIPT, one, List.of()));
    fails("MINE x", () -> client.eval(Checks.OWN_ERROR, one, List.of()));
  }

  /** Tells when it is subscribed, and the first message. */
  private static final class Subscriber extends JedisPubSub {
    final CompletableFuture<Boolean> subscribed = new CompletableFuture<>();
    final CompletableFuture<List<String>> message = new CompletableFuture<>();

    @Override public void onSubscribe(String channel, int count) {
      subscribed.complete(true);
    }

    @Override public void onPSubscribe(String pattern, int count) {
      subscribed.complete(true);
    }

    @Override public void onMessage(String channel, String text) {
      message.complete(List.of(channel, text));
    }

    @Override public void onPMessage(String pattern, String channel, String text) {
      message.complete(List.of(pattern, channel, text));
    }
  }

  private void pubSub() throws Exception {
    Subscriber subscriber = new Subscriber();
    var over = inBackground(() -> client.subscribe(subscriber, key("channel"), key("another")));
    within(subscriber.subscribed);
    other.publish(key("channel"), "hello");
    equal(within(subscriber.message), List.of(key("channel"), "hello"));
    subscriber.unsubscribe();
    within(5, over);
  }

  private void patternPubSub() throws Exception {
    Subscriber subscriber = new Subscriber();
    var over = inBackground(() -> client.psubscribe(subscriber, key("news.*")));
    within(subscriber.subscribed);
    other.publish(key("news.art"), "hello");
    equal(within(subscriber.message), List.of(key("news.*"), key("news.art"), "hello"));
    subscriber.punsubscribe();
    within(5, over);
  }

  private void shardedPubSub() throws Exception {
    CompletableFuture<Boolean> subscribed = new CompletableFuture<>();
    CompletableFuture<String> message = new CompletableFuture<>();
    JedisShardedPubSub subscriber = new JedisShardedPubSub() {
      @Override public void onSSubscribe(String channel, int count) {
        subscribed.complete(true);
      }

      @Override public void onSMessage(String channel, String text) {
        message.complete(text);
      }
    };
    RedisClusterClient cluster = (RedisClusterClient) client;
    var over = inBackground(() -> cluster.ssubscribe(subscriber, key("shard")));
    within(subscribed);
    equal(((RedisClusterClient) other).spublish(key("shard"), "hello"), 1);
    equal(within(message), "hello");
    subscriber.sunsubscribe();
    within(5, over);
  }

  private void blockingPop() throws Exception {
    String empty = tagged("empty");
    String queue = tagged("queue");
    String scored = tagged("zqueue");
    equal(woken(() -> client.blpop(10, empty, queue), () -> other.rpush(queue, "job")),
        List.of(queue, "job"));
    equal(client.blpop(0.05, empty), null);
    var popped = woken(() -> client.bzpopmin(10, scored), () -> other.zadd(scored, 1, "job"));
    equal(popped.getKey(), scored);
    equal(popped.getValue(), new Tuple("job", 1.0));
  }

  private void blockingMove() throws Exception {
    String from = tagged("from");
    String to = tagged("to");
    equal(woken(() -> client.brpoplpush(from, to, 10), () -> other.lpush(from, "a")), "a");
    equal(woken(() -> client.blmove(from, to, ListDirection.LEFT, ListDirection.RIGHT, 10),
        () -> other.lpush(from, "b")), "b");
    equal(client.lrange(to, 0, -1), List.of("a", "b"));
  }

  private void blockingStream() throws Exception {
    String name = key("live");
    StreamEntryID id = new StreamEntryID(5, 1);
    var read = woken(() -> client.xread(XReadParams.xReadParams().block(10000),
        Map.of(name, StreamEntryID.XREAD_NEW_ENTRY)),
        () -> other.xadd(name, id, Map.of("a", "1")));
    equal(read.get(0).getKey(), name);
    equal(read.get(0).getValue().get(0).getID(), id);
  }

  private void scan() {
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < 500; i++) {
      names.add(key("scan:" + i));
      client.set(key("scan:" + i), "1");
    }
    Set<String> found = new TreeSet<>();
    var iteration = client.scanIteration(100, key("scan:*"));
    while (!iteration.isIterationCompleted()) {
      found.addAll(iteration.nextBatchList());
    }
    equal(found, names);
  }

  private static <T> int countAll(Function<String, ScanResult<T>> scan) {
    Set<T> found = new HashSet<>();
    String cursor = ScanParams.SCAN_POINTER_START;
    do {
      ScanResult<T> part = scan.apply(cursor);
      found.addAll(part.getResult());
      cursor = part.getCursor();
    } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
    return found.size();
  }

  private void scanElements() {
    for (int i = 0; i < 1000; i++) {
      client.hset(key("big:hash"), "e:" + i, "1");
      client.sadd(key("big:set"), "e:" + i);
      client.zadd(key("big:zset"), 1, "e:" + i);
    }
    ScanParams match = new ScanParams().match("e:*").count(100);
    equal(countAll(cursor -> client.hscan(key("big:hash"), cursor)), 1000);
    equal(countAll(cursor -> client.sscan(key("big:set"), cursor, match)), 1000);
    equal(countAll(cursor -> client.zscan(key("big:zset"), cursor)), 1000);
  }

  private void session() {
    equal(client.ping(), "PONG");
    require(client.info("server").contains("redis_version:7."), "INFO server");
    require(client.dbSize() > 0, "DBSIZE");
    try (Jedis named = new Jedis(address, config)) {
      equal(named.clientSetname("slotway-check"), "OK");
      equal(named.clientGetname(), "slotway-check");
      require(named.clientList().contains(" name=slotway-check "), "CLIENT LIST");
    }
  }
}
