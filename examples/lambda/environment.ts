/** A function, as far as its environment tells of it. */
export interface FunctionDescription {
  readonly name: string;
  readonly taskRoot: string;
  /** "module.export". */
  readonly handler: string;
  /** Lambda Managed Instances: invocations at once, over so many threads. */
  readonly managed?: { readonly maxConcurrency: number; readonly threads: number };
  /** What the function's owner has configured. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The variables of a real Lambda environment with Node 24, no more and no fewer: there is no HOME, for instance.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 *
 * @param runtimeApi "host:port".
 */
export function lambdaVariables(
  { name, taskRoot, handler, managed, variables }: FunctionDescription,
  runtimeApi: string,
): Record<string, string> {
  return {
    ...variables,
    _HANDLER: handler,
    AWS_ACCESS_KEY_ID: "an-example",
    AWS_SECRET_ACCESS_KEY: "an-example",
    AWS_SESSION_TOKEN: "an-example",
    AWS_DEFAULT_REGION: "eu-central-1",
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_INITIALIZATION_TYPE: managed ? "lambda-managed-instances" : "on-demand",
    AWS_LAMBDA_LOG_FORMAT: "Text",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
    AWS_LAMBDA_RUNTIME_API: runtimeApi,
    AWS_REGION: "eu-central-1",
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129:2000",
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    LAMBDA_TASK_ROOT: taskRoot,
    LANG: "en_US.UTF-8",
    LD_LIBRARY_PATH: "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    NODE_PATH: "/opt/nodejs/node24/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules",
    PATH: "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    TZ: ":UTC",
    ...(managed && {
      AWS_LAMBDA_MAX_CONCURRENCY: `${managed.maxConcurrency}`,
      AWS_LAMBDA_NODEJS_WORKER_COUNT: `${managed.threads}`,
    }),
  };
}
