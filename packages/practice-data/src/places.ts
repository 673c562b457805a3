// Where the clinics of a group are, in the order in which a group opens them.

export type Place = { name: string; timeZone: string; street: string; city: string; region: string; postalCode: string };

const FIRST: Place[] = [
  { name: 'Hudson Street', timeZone: 'America/New_York', street: '210 Hudson Street', city: 'New York', region: 'NY', postalCode: '10013' },
  { name: 'Lakeview', timeZone: 'America/Chicago', street: '3400 N Broadway', city: 'Chicago', region: 'IL', postalCode: '60657' },
  {
    name: 'Santa Monica',
    timeZone: 'America/Los_Angeles',
    street: '1401 Ocean Avenue',
    city: 'Santa Monica',
    region: 'CA',
    postalCode: '90401',
  },
];

/** Name, city, region, postal code, zone. */
const FURTHER = `
  Back Bay|Boston|MA|02116|America/New_York
  Rittenhouse|Philadelphia|PA|19103|America/New_York
  Georgetown|Washington|DC|20007|America/New_York
  Harbor East|Baltimore|MD|21202|America/New_York
  Short Pump|Richmond|VA|23233|America/New_York
  South End|Charlotte|NC|28203|America/New_York
  Five Points|Raleigh|NC|27608|America/New_York
  Buckhead|Atlanta|GA|30305|America/New_York
  Midtown|Savannah|GA|31405|America/New_York
  Brickell|Miami|FL|33131|America/New_York
  Hyde Park|Tampa|FL|33606|America/New_York
  Winter Park|Orlando|FL|32789|America/New_York
  Shadyside|Pittsburgh|PA|15232|America/New_York
  Ohio City|Cleveland|OH|44113|America/New_York
  Short North|Columbus|OH|43215|America/New_York
  Oakley|Cincinnati|OH|45209|America/New_York
  Birmingham|Detroit|MI|48009|America/New_York
  Broad Ripple|Indianapolis|IN|46220|America/New_York
  Highlands|Louisville|KY|40204|America/New_York
  Third Ward|Milwaukee|WI|53202|America/Chicago
  North Loop|Minneapolis|MN|55401|America/Chicago
  Central West End|St. Louis|MO|63108|America/Chicago
  Country Club Plaza|Kansas City|MO|64112|America/Chicago
  East Village|Des Moines|IA|50309|America/Chicago
  Dundee|Omaha|NE|68132|America/Chicago
  Green Hills|Nashville|TN|37215|America/Chicago
  Overton Square|Memphis|TN|38104|America/Chicago
  Homewood|Birmingham|AL|35209|America/Chicago
  Garden District|New Orleans|LA|70115|America/Chicago
  River Oaks|Houston|TX|77019|America/Chicago
  Uptown|Dallas|TX|75204|America/Chicago
  South Congress|Austin|TX|78704|America/Chicago
  Alamo Heights|San Antonio|TX|78209|America/Chicago
  Nichols Hills|Oklahoma City|OK|73116|America/Chicago
  Cherry Creek|Denver|CO|80206|America/Denver
  Pearl Street|Boulder|CO|80302|America/Denver
  Nob Hill|Albuquerque|NM|87106|America/Denver
  Sugar House|Salt Lake City|UT|84106|America/Denver
  North End|Boise|ID|83702|America/Boise
  Old Town|Scottsdale|AZ|85251|America/Phoenix
  Summerlin|Las Vegas|NV|89135|America/Los_Angeles
  La Jolla|San Diego|CA|92037|America/Los_Angeles
  Newport Beach|Newport Beach|CA|92660|America/Los_Angeles
  Hayes Valley|San Francisco|CA|94102|America/Los_Angeles
  Walnut Creek|Walnut Creek|CA|94596|America/Los_Angeles
  Pearl District|Portland|OR|97209|America/Los_Angeles
  Capitol Hill|Seattle|WA|98102|America/Los_Angeles
`;

export const LOCATIONS: Place[] = [
  ...FIRST,
  ...FURTHER.trim()
    .split('\n')
    .map((line, index) => {
      const [name = '', city = '', region = '', postalCode = '', timeZone = ''] = line.trim().split('|');
      return { name, timeZone, street: `${100 + 25 * index} Main Street`, city, region, postalCode };
    }),
];
