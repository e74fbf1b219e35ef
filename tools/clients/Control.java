import java.util.List;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.DossiersApi;
import org.openapitools.client.api.JournalApi;
import org.openapitools.client.api.SandboxApi;
import org.openapitools.client.api.ScenariosApi;
import org.openapitools.client.api.ServerApi;
import org.openapitools.client.model.ClockChange;
import org.openapitools.client.model.DossierEntry;
import org.openapitools.client.model.ExchangeFilter;
import org.openapitools.client.model.Expectation;
import org.openapitools.client.model.ExpectationCount;
import org.openapitools.client.model.NewEvidence;
import org.openapitools.client.model.NewRules;
import org.openapitools.client.model.Reset;
import org.openapitools.client.model.Respond;
import org.openapitools.client.model.Rule;
import org.openapitools.client.model.Then;
import org.openapitools.client.model.Verification;
import org.openapitools.client.model.When;

/** Control calls with the code that openapi-generator writes for Java: URL and sandbox are the arguments. */
public class Control {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    String sandbox = arguments[1];
    SandboxApi state = new SandboxApi(client);
    DossiersApi dossiers = new DossiersApi(client);
    JournalApi journal = new JournalApi(client);

    check(new ServerApi(client).getHealth().get("status").equals("UP"), "health");
    state.putClock(sandbox, null, new ClockChange().now("2031-01-01T09:00:00").frozen(true));
    check(state.getClock(sandbox, null).get("now").toString().startsWith("2031-01-01T09:00"), "the clock");
    dossiers.createDossier(new DossierEntry().siret("99050000100013").dossierReference("PO-1"), sandbox, null);
    var found = (List<?>) dossiers.findDossiers("PO-1", null, 0, 10, sandbox, null).get("dossiers");
    check(found.size() == 1, "a dossier");
    dossiers.depositEvidence(804127, "I2", sandbox, null, new NewEvidence());
    var rule = new Rule().name("down").when(new When().operation("getDossier")).then(new Then().respond(new Respond().status(503)));
    new ScenariosApi(client).postRules(new NewRules().rules(List.of(rule)), sandbox, null);
    check(((List<?>) new ScenariosApi(client).getRules(sandbox, null).get("rules")).size() == 1, "a rule");
    var never = new Expectation().request(new ExchangeFilter().operation("getToken")).count(new ExpectationCount(0));
    check(journal.verify(new Verification().expectations(List.of(never)), sandbox, null).get("verified").equals(true), "no login");
    state.reset(sandbox, null, new Reset());
    check(((List<?>) dossiers.findDossiers("PO-1", null, 0, 10, sandbox, null).get("dossiers")).isEmpty(), "the reset");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}
