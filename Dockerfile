# SPDX-License-Identifier: Apache-2.0
# Both programs on Debian 12: docker build -t slotway:0.1.0 .
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts scripts
RUN scripts/deps.sh build
COPY . .
RUN cmake --preset release \
    && cmake --build --preset release --target slotway slotway-shard \
    && strip --strip-debug build/release/bin/slotway build/release/bin/slotway-shard

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libfmt9 libjemalloc2 \
        libprometheus-cpp-core1.0 libspdlog1.10 libssl3 libuv1 libyaml-cpp0.7 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home slotway \
    && install -d -o slotway -g slotway /data
COPY --from=build /src/build/release/bin/slotway /src/build/release/bin/slotway-shard /usr/local/bin/
# A missing library is found here and not by whoever starts the image.
RUN ! ldd /usr/local/bin/slotway /usr/local/bin/slotway-shard | grep 'not found'
USER 10001:10001
WORKDIR /data
VOLUME /data
ENTRYPOINT ["slotway"]
