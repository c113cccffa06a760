-- A store as the first version of the schema had it, with two steps of an order in its only shard.
CREATE SCHEMA {schema};
CREATE TABLE {schema}.shards (
    shard smallint PRIMARY KEY,
    position bigint NOT NULL,
    shards smallint NOT NULL,
    version integer NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
CREATE TABLE {schema}.records (
    position bigint NOT NULL,
    revision bigint NOT NULL,
    at bigint NOT NULL,
    shard smallint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    machine text COLLATE "C" NOT NULL,
    instance text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    command text NOT NULL,
    trigger text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (shard, tenant, machine, instance, revision),
    UNIQUE (shard, position)
);
CREATE TABLE {schema}.cells (
    version bigint NOT NULL,
    shard smallint NOT NULL,
    name text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (shard, name)
);
CREATE SEQUENCE {schema}.versions;
INSERT INTO {schema}.shards VALUES (0, 3, 1, 1);
INSERT INTO {schema}.records VALUES
    (1, 1, 1795950775845500, 0, '', 'Order', 'order-1', 'step', '01a22702-0e1b-71dc-9182-214f6ce0ce81', 'Pay', 'Open', 'Paid',
        '{"events":[{"name":"order.paid","version":1,"payload":{"cents":1200}}],"envelope":{"machine_version":1}}'),
    (3, 2, 1795950775942794, 0, '', 'Order', 'order-1', 'step', '01a22702-0e86-7663-a7a3-5ece0c5da86f', 'Ship', 'Paid', 'Shipped',
        '{"events":[],"envelope":{"machine_version":1}}');
INSERT INTO {schema}.cells VALUES (nextval('{schema}.versions'), 0, 'a', 'one');
