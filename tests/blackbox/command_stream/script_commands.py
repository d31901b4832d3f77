# SPDX-License-Identifier: Apache-2.0
"""Random scripts and functions over keys they are told, their errors included."""
import hashlib

from command_stream.list_commands import numbered

SCRIPTS = [
    b"return 1", b"return KEYS[1]", b"return {KEYS[1],ARGV[1],ARGV[2]}", b"return nil",
    b"return false", b"return true", b"return 3.99", b"return {1,2,{3,'x'},nil,5}",
    b"return redis.call('get',KEYS[1])", b"return redis.call('incr',KEYS[1])",
    b"return redis.call('set',KEYS[1],ARGV[1])", b"return redis.pcall('hget',KEYS[1],'f')",
    b"return redis.call('hset',KEYS[1],ARGV[1] or 'f',ARGV[2] or 'v')",
    b"return redis.call('rpush',KEYS[1],unpack(ARGV))", b"return redis.status_reply('FINE')",
    b"return redis.error_reply('MY mistake')", b"return {err='MY other mistake'}",
    b"return redis.call('nosuch')", b"return redis.call('get')", b"error('thrown')",
    b"error({err='ERR table'})", b"this is no lua", b"return undefined_variable.x",
    b"return redis.sha1hex(ARGV[1] or '')", b"return #KEYS", b"return #ARGV",
    b"redis.setresp(3); return redis.call('hgetall',KEYS[1])",
    b"redis.setresp(3); return redis.call('exists',KEYS[1])",
    b"return {double=3.5}", b"return {map={a=1}}", b"return cjson.encode({KEYS[1] or 'none'})",
    b"local v=redis.pcall('incr',KEYS[1]); if type(v)=='table' then return v.err end return v",
    b"return {redis.call('exists',KEYS[1]),redis.call('type',KEYS[1])}",
    b"return tostring(redis.call('del',KEYS[1]))",
    b"#!lua flags=no-writes\nreturn redis.call('set',KEYS[1],'x')",
    b"#!lua\nreturn redis.call('get',KEYS[1])", b"#!nolua\nreturn 1",
    b"for i=1,20 do redis.call('rpush',KEYS[1],i) end return redis.call('llen',KEYS[1])",
    b"redis.call('set',KEYS[1],'x'); error('halfway')",
    b"redis.call('set',KEYS[1],'x'); return redis.call('lpush',KEYS[1],'y')",
    b"return redis.call('expire',KEYS[1],1000)", b"return redis.acl_check_cmd('get',KEYS[1])",
    b"return {redis.call('set',KEYS[1],'1'),redis.call('incrbyfloat',KEYS[1],'0.5')}",
    b"redis.setresp(3); return redis.call('zrange',KEYS[1],0,-1,'withscores')",
    b"redis.setresp(3); return {big_number='123'}", b"redis.setresp(9)",
    b"return {verbatim_string={string='a',format='txt'}}", b"return {set={a=true,b=true}}",
    b"return cmsgpack.unpack(cmsgpack.pack({1,'a',true}))", b"return bit.band(7,12)",
    b"return struct.pack('>I',5)", b"return redis.sha1hex()", b"return redis.log(1)",
    b"return redis.pcall('subscribe','x')", b"return redis.pcall('multi')",
    b"return redis.replicate_commands()", b"print(1)",
    b"return tostring(os)", b"return string.rep('x',70000)", b"x=1", b"return KEYS", b"return ARGV",
]
# What a shard sees otherwise than one Redis.
LOCAL_SCRIPTS = [b"return redis.call('dbsize')", b"return #redis.call('keys','*')",
                 b"return redis.call('select',1)"]
# Payloads of FUNCTION DUMP; filled in by make_function_dumps().
FUNCTION_DUMPS = []
HASHES = [hashlib.sha1(script).hexdigest().encode() for script in SCRIPTS]

LIBRARY = b"""#!lua name=stream
redis.register_function('get_it', function(keys, args) return redis.call('get', keys[1]) end)
redis.register_function('put_it', function(keys, args)
  return redis.call('set', keys[1], args[1] or 'none') end)
redis.register_function{function_name='look', flags={'no-writes'},
  callback=function(keys, args) return {#keys, #args, redis.call('exists', keys[1])} end}
redis.register_function('fails', function(keys, args) return redis.error_reply('MY failure') end)
"""
FUNCTIONS = [b"get_it", b"put_it", b"look", b"fails", b"nosuch", b""]


def make_function_dumps(oracle):
    FUNCTION_DUMPS.append(oracle.call("function", "dump")[1])
    oracle.call("function", "load", LIBRARY)
    FUNCTION_DUMPS.append(oracle.call("function", "dump")[1])
    oracle.call("function", "flush")


def library_command(v):
    r = v.rng
    if r.random() < 0.05:
        return [b"function", b"flush"] + r.choice([[], [b"sync"], [b"async"], [b"foo"]])
    return r.choice([
        [b"function", b"list"], [b"function", b"list", b"withcode"],
        [b"function", b"list", b"libraryname", r.choice([b"str*", b"nosuch", b"stream"])],
        [b"function", b"list", b"libraryname"], [b"function", b"list", b"foo"],
        [b"function", b"list", b"withcode", b"libraryname", b"*"], [b"function", b"stats"],
        [b"function", b"dump"], [b"function", b"kill"], [b"function", b"nosuch"],
        [b"function", b"restore", r.choice(FUNCTION_DUMPS)] + r.choice([
            [], [b"flush"], [b"append"], [b"replace"], [b"foo"]]),
        [b"function", b"restore", b"broken"], [b"script", b"kill"],
        [b"function", b"load"], [b"function", b"load", b"no shebang"],
        [b"function", b"load", b"#!lua name=stream\nredis.register_function('x')"],
        [b"function", b"load", b"#!lua name=other\nredis.register_function('get_it', "
                               b"function() return 1 end)"],
        [b"function", b"load", b"foo", LIBRARY],
    ])


def script_command(v):
    r, k = v.rng, v.key
    if r.random() < 0.15:
        return library_command(v)
    keys = [k() for _ in range(r.choice([1, 1, 1, 2]))]
    args = [v.value() for _ in range(r.randrange(3))]
    number = r.randrange(len(SCRIPTS))
    script, sha = SCRIPTS[number], HASHES[number]
    if r.random() < 0.2:
        sha = sha.upper()
    make = r.choice([
        lambda: numbered(b"eval", v, keys, args, script),
        lambda: numbered(b"eval", v, keys, args, script),
        lambda: numbered(b"eval_ro", v, keys, args, script),
        lambda: numbered(b"eval", v, keys, args, r.choice(LOCAL_SCRIPTS))
                if r.random() < 0.2 else numbered(b"eval_ro", v, keys, args, script),
        lambda: numbered(b"evalsha", v, keys, args, sha),
        lambda: numbered(b"evalsha", v, keys, args, sha),
        lambda: numbered(b"evalsha_ro", v, keys, args, sha),
        lambda: [b"evalsha", b"f" * 40, b"1", k()], lambda: [b"evalsha", b"short", b"1", k()],
        lambda: [b"eval", script, b"x", k()], lambda: [b"eval", script],
        lambda: numbered(b"fcall", v, keys, args, r.choice(FUNCTIONS)),
        lambda: numbered(b"fcall", v, keys, args, r.choice(FUNCTIONS)),
        lambda: numbered(b"fcall_ro", v, keys, args, r.choice(FUNCTIONS)),
        lambda: [b"script", b"exists", sha, b"f" * 40],
        lambda: [b"script", b"load", script], lambda: [b"script", b"nosuch"],
        lambda: [b"script", b"flush"] + r.choice([[], [b"sync"], [b"async"], [b"foo"]])
                if r.random() < 0.2 else [b"script", b"exists", sha],
        lambda: [b"function", b"load", LIBRARY], lambda: [b"function", b"load", b"replace", LIBRARY],
        lambda: [b"function", b"load", b"#!lua name=bad\nnonsense("],
        lambda: [b"function", b"delete", r.choice([b"nosuch", b"stream"])]
                if r.random() < 0.1 else [b"function", b"delete", b"nosuch"],
    ])
    return make()
