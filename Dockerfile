# SPDX-License-Identifier: Apache-2.0
# Both programs and nothing else, not even a shell: docker build -t slotway:0.1.0 .
#
# --build-arg BINARIES=prebuilt takes those of build/release/bin instead of compiling.
FROM debian:12-slim AS binaries
ARG BINARIES=compiled
WORKDIR /src
COPY scripts scripts
RUN [ "$BINARIES" = prebuilt ] || scripts/deps.sh build
COPY . .
RUN { [ "$BINARIES" = prebuilt ] \
      || { cmake --preset release && cmake --build --preset release --target slotway slotway-shard; }; } \
    && mkdir /out && cp build/release/bin/slotway build/release/bin/slotway-shard /out/

# What the image holds: the programs, the libraries they are linked with, authorities for TLS, a user.
FROM debian:12-slim AS root
RUN apt-get update && apt-get install -y --no-install-recommends binutils ca-certificates libfmt9 \
    libjemalloc2 libprometheus-cpp-core1.0 libspdlog1.10 libssl3 libuv1 libyaml-cpp0.7
COPY --from=binaries /out/ /image/usr/local/bin/
# A missing library is found here and not by whoever starts the image.
RUN set -e; cd /image/usr/local/bin; strip --strip-debug slotway slotway-shard; \
    ldd slotway slotway-shard >/tmp/libraries; ! grep 'not found' /tmp/libraries; \
    awk '$2 == "=>" { print $3 } $1 ~ /^\/lib/ { print $1 }' /tmp/libraries | sort -u \
      | xargs cp -L --parents -t /image; \
    cp --parents /etc/ssl/certs/ca-certificates.crt /image; \
    echo 'hosts: files dns' >/image/etc/nsswitch.conf; \
    echo 'slotway:x:10001:10001::/data:/' >/image/etc/passwd; \
    install -d -o 10001 -g 10001 /image/data; install -d -m 1777 /image/tmp

FROM scratch
COPY --from=root /image /
ENV PATH=/usr/local/bin
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 6379 6380 16379 32280
# Of either program; a shard needs `admin-port 32280` for it, which is off by default.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["slotway", "healthcheck", "http://127.0.0.1:32280/healthz"]
ENTRYPOINT ["slotway"]
